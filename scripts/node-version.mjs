import { readFileSync } from 'node:fs';

/** Ends the process with one clear line when this Node is older than package.json asks for. */
export function requireNode() {
  const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const [, major, minor] = /(\d+)\.(\d+)/.exec(engines.node).map(Number);
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  console.error(
    `This needs Node ${major}.${minor} or newer; the one that runs here is ${process.versions.node} (${process.execPath}).`,
  );
  process.exit(1);
}
