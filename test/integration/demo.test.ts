import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startChild } from '../support/process.js';
import { onTeardown } from '../support/teardown.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/demo.mjs', import.meta.url));

test('the demo comes up with a page that two people can log in to, and leaves nothing behind', async () => {
  const demo = startChild(process.execPath, [SCRIPT], { env: { DEMO_PORT: '0' } });
  onTeardown(() => demo.stop(20_000));
  await demo.line(/Ctrl-C takes everything down/, 90_000);
  const addresses = demo.output.join('\n').match(/http:\S+user=\d+/g) ?? [];
  expect(addresses).toHaveLength(2);
  for (const address of addresses) {
    const response = await fetch(address, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([303, 'messaging.php']);
  }

  const folder = /logs are in (\S+)/.exec(demo.output.join('\n'))?.[1] ?? '';
  expect(existsSync(folder)).toBe(true);
  const { code } = await demo.stop(20_000, 'SIGINT');
  expect(code).toBe(0);
  expect(existsSync(folder)).toBe(false);
  await expect(fetch(addresses[0] ?? '')).rejects.toThrow();
}, 120_000);
