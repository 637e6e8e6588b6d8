import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runRelay, startRelay } from '../../support/relay.js';
import { tempDir } from '../../support/temp.js';

test('a healthy chain ends with 0 and says a line a check, and what it did not check', async () => {
  const socket = join(await tempDir(), 'internal');
  const relay = await startRelay({ RELAY_INTERNAL_SOCKET: socket });
  const { code, output } = await runRelay(['doctor', '--url', relay.url, '--internal', `unix:${socket}`]);
  expect(output.filter((line) => !/^(ok {4}\w|not checked: |\d+ ok, 0 warn, 0 FAIL$|$)/.test(line))).toEqual([]);
  expect(output.join('\n')).toContain(`the internal API answers at unix:${socket}`);
  expect(output.join('\n')).toMatch(/^ok +notify +a message came to the canary/m);
  expect(output.join('\n')).toMatch(/^not checked: idle: takes 75 s: give --slow$/m);
  expect(code).toBe(0);
});

test('it takes its addresses from the settings, prints JSON on --json, and ends with 1 on a FAIL', async () => {
  const relay = await startRelay();
  const env = { RELAY_PUBLIC_URL: relay.url, RELAY_INTERNAL_PORT: 1 };
  const { code, output } = await runRelay(['doctor', '--json'], env);
  const report = JSON.parse(output.join('\n'));
  expect(report.ok).toBe(false);
  const failed = report.checks.filter((one: { verdict: string }) => one.verdict === 'FAIL');
  expect(failed).toEqual([
    {
      check: 'internal',
      verdict: 'FAIL',
      message: 'no internal API at http://127.0.0.1:1: nothing listens there (ECONNREFUSED)',
      mend: ['systemctl status relay', 'RELAY_INTERNAL_PORT=3001'],
    },
  ]);
  expect(report.unchecked).toContainEqual({ check: 'notify', message: expect.any(String) });
  expect(code).toBe(1);
});

test('an option that it does not know or cannot read ends with 64, bad settings with 78', async () => {
  const [unknown, url, settings] = await Promise.all([
    runRelay(['doctor', '--fast']),
    runRelay(['doctor', '--url', 'chat']),
    runRelay(['doctor'], { RELAY_PORT: 'many' }),
  ]);
  expect([unknown.code, url.code, settings.code]).toEqual([64, 64, 78]);
  expect(url.output[0]).toBe('relay doctor: --url must be like https://www.example.org, not chat');
});
