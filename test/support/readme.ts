import { readFileSync } from 'node:fs';

export const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** A fenced block of the README. */
export interface Block {
  /** The nearest heading above it. */
  readonly heading: string;
  /** Behind the fence: `sh`, `nginx`, or nothing. */
  readonly language: string;
  /** With a newline at its end. */
  readonly text: string;
}

export const BLOCKS: readonly Block[] = read(README);

/** The only block of this language under this heading. */
export function block(heading: string, language: string): string {
  const found = BLOCKS.filter((one) => one.heading === heading && one.language === language);
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new Error(`the README has ${found.length} blocks of ${language} under "${heading}"`);
  }
  return only.text;
}

/** The text below this heading, up to the next of any level. */
export function section(heading: string): string {
  const start = README.search(new RegExp(`^#+ ${heading}$`, 'm'));
  if (start < 0) throw new Error(`the README has no heading "${heading}"`);
  let fenced = false;
  const [, ...lines] = README.slice(start).split('\n');
  const end = lines.findIndex((line) => {
    if (line.startsWith('```')) fenced = !fenced;
    return !fenced && /^#+ /.test(line);
  });
  return lines.slice(0, end < 0 ? undefined : end).join('\n');
}

/** Replaces every occurrence; throws where there is none, so that no test checks what the README no longer says. */
export function replaced(text: string, replacements: readonly (readonly [string, string])[]): string {
  return replacements.reduce((done, [from, to]) => {
    if (!done.includes(from)) throw new Error(`the README does not say "${from}" there`);
    return done.replaceAll(from, to);
  }, text);
}

function read(text: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  let open: { language: string; lines: string[] } | undefined;
  for (const line of text.split('\n')) {
    const fence = /^```(\w*)$/.exec(line);
    if (open === undefined) {
      if (fence) open = { language: fence[1] ?? '', lines: [] };
      heading = /^#+ (.+)$/.exec(line)?.[1] ?? heading;
    } else if (fence) {
      blocks.push({ heading, language: open.language, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else open.lines.push(line);
  }
  return blocks;
}
