import { readFileSync } from 'node:fs';

/** As `package.json` has it, which lies one folder above the sources and above what they are built to. */
export const VERSION = read(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')));

function read({ version }: { readonly version: string }): string {
  return version;
}
