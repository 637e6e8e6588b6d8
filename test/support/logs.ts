import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What must be in no log line, whatever the test (SECURITY.md): each with what to call it. */
const FORBIDDEN: readonly (readonly [string, RegExp])[] = [
  // every secret of every test says so
  ['a secret', /that-only-tests-know|too short to be told/],
  ['a token', /eyJ[\w-]{8,}\.[\w-]{4,}/],
  ['a cookie', /PHPSESSID=|relay_device=[\w.-]{8,}/i],
  ['a header with a credential', /bearer\s+[\w.-]{20,}/i],
  // a message, whole or as JSON within a text
  ['the content of a message', /\bcontent\\*"\s*:|a secret between two|Hello from curl/],
];

/** Relays of all workers of a run write here what they log. */
export function collectLogs(): string {
  const dir = mkdtempSync(join(tmpdir(), 'relay-logs-'));
  process.env.TEST_LOGS = dir;
  return dir;
}

export function keepLogLine(line: string): void {
  const dir = process.env.TEST_LOGS;
  if (dir) appendFileSync(join(dir, `${process.pid}.log`), `${line}\n`);
}

/** What in these lines must not be there: what it is, and the line. */
export function leaksIn(lines: readonly string[]): string[] {
  return lines.flatMap((line) =>
    FORBIDDEN.filter(([, pattern]) => pattern.test(line)).map(([what]) => `${what} in a log line: ${line}`),
  );
}

/** @throws Error when a relay of the run logged what it may not, or, with that much to tell, nothing at all */
export function checkLogs(dir: string): void {
  const lines = readdirSync(dir).flatMap((name) => readFileSync(join(dir, name), 'utf8').split('\n'));
  rmSync(dir, { recursive: true, force: true });
  const leaks = leaksIn(lines);
  if (leaks.length > 0) throw new Error(`${leaks.length} leaks into logs:\n${leaks.slice(0, 20).join('\n')}`);
  process.stdout.write(`${lines.length} log lines of this run hold no secret, token, cookie or content\n`);
}
