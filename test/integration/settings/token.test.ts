import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { ENTRY } from '../../support/relay.js';
import { tempDir } from '../../support/temp.js';
import { SECRET } from '../../support/tokens.js';

// not by runRelay: what it prints is kept to be searched for tokens, and these are to be printed
async function token(...args: readonly string[]) {
  const options = { cwd: await tempDir(), env: { PATH: process.env.PATH, RELAY_SECRET: SECRET }, encoding: 'utf8' };
  return spawnSync(process.execPath, [ENTRY, 'token', ...args], options as { encoding: 'utf8' });
}

test.each<[string[], RegExp]>([
  [['client', '17', '--life', 'abc'], /--life must be a whole number/],
  [['client', '17', '--life', '0'], /--life must be a whole number/],
  [['client', '17', '--life', '1.5'], /--life must be a whole number/],
  [['internal', '--body', '/nope'], /--body .*\/nope/],
  [['internal', '--body', '/'], /--body can't be read/],
  [['client'], /USER/],
  [['server'], /client or internal/],
  [['client', '17', '--lives', '9'], /--lives/],
])('relay token %j says what is wrong and how it is called', async (args, problem) => {
  const { status, stderr, stdout } = await token(...args);
  expect([status, stdout]).toEqual([64, '']);
  expect(stderr.split('\n')[0]).toMatch(problem);
  expect(stderr).toMatch(/^usage: relay token client USER/m);
  expect(stderr).not.toMatch(/^ +at /m);
});

test('relay token client makes a token of the life that was asked for', async () => {
  const { status, stdout } = await token('client', '17', '--life', '90');
  const { sub, iat, exp } = JSON.parse(Buffer.from(stdout.split('.')[1] ?? '', 'base64url').toString());
  expect([status, sub, exp - iat]).toEqual([0, '17', 90]);
});
