import { expect, test } from 'vitest';
import { cpuOf } from '../../bench/measure/process.js';
import { quiet } from '../../bench/measure/quiet.js';
import { startChild } from '../../support/process.js';
import { onTeardown } from '../../support/teardown.js';

/** The id of a process that is at its work already. */
async function started(script: string): Promise<number> {
  const child = startChild(process.execPath, ['-e', `console.log('at work'); ${script}`]);
  onTeardown(() => child.kill());
  await child.line(/at work/);
  return child.pid;
}

test('a process that is done with its work is waited for', async () => {
  const pid = await started('const end = Date.now() + 600; while (Date.now() < end); setTimeout(() => {}, 60_000);');
  await quiet([pid]);
  const { user, system } = cpuOf([pid]);
  expect(user + system).toBeGreaterThan(500_000);
});

test('one that never is, is given up with a line that says what it still does', async () => {
  const pid = await started('for (;;);');
  await expect(quiet([pid], 100)).rejects.toThrow(
    new RegExp(`^process ${pid} is not quiet after 100 ms: \\d+ ms of processor time in 250 ms$`),
  );
});
