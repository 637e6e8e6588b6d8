import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startChild } from '../../support/process.js';
import { tempDir } from '../../support/temp.js';
import { within } from '../../support/until.js';

const ENTRY = new URL('../../../docker/grafana/entry.sh', import.meta.url).pathname;

async function start(env: Record<string, string>) {
  const child = startChild('/bin/sh', [ENTRY, 'sh', '-c', 'echo started; umask'], { env });
  const { code } = await within('the entry to end', child.exited, 5_000);
  return { code, output: child.output };
}

test('the password of Grafana’s admin is made up at the first start, kept, and for Grafana alone to read', async () => {
  const file = join(await tempDir(), 'admin-password');
  const env = { GF_SECURITY_ADMIN_PASSWORD__FILE: file };
  expect(await start(env)).toEqual({ code: 0, output: ['started', '0022'] });
  const made = readFileSync(file, 'utf8');
  expect(made).toMatch(/^[A-Za-z0-9]{36,44}$/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await start(env);
  expect(readFileSync(file, 'utf8')).toBe(made);

  const other = join(await tempDir(), 'admin-password');
  await start({ GF_SECURITY_ADMIN_PASSWORD__FILE: other });
  expect(readFileSync(other, 'utf8')).not.toBe(made);
});

test('Grafana is not started where nothing says in which file its password is', async () => {
  const { code, output } = await start({});
  expect(code).not.toBe(0);
  expect(output).not.toContain('started');
});
