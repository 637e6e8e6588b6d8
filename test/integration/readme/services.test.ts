import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../../scripts/build.mjs';
import { type Child, startChild } from '../../support/process.js';
import { block, replaced } from '../../support/readme.js';
import { onTeardown } from '../../support/teardown.js';
import { tempDir } from '../../support/temp.js';
import { SECRET } from '../../support/tokens.js';
import { within } from '../../support/until.js';

const UNIT = block('systemd', 'systemd');

test('systemd finds nothing wrong with the unit, and would say so', async () => {
  const unit = onThisMachine(UNIT);
  expect(await verify(unit)).toEqual({ code: 0, output: [] });
  const broken = await verify(unit.replace('TimeoutStopSec=15', 'TimeoutStopSec=soon\nProtectKernel=yes'));
  expect(broken.output.join('\n')).toMatch(/soon.*ProtectKernel/s);
});

test('the unit gives the relay no more than it needs', () => {
  const lines = UNIT.split('\n');
  for (const line of ['NoNewPrivileges=yes', 'ProtectSystem=strict', 'CapabilityBoundingSet=', 'User=relay']) {
    expect(lines).toContain(line);
  }
  expect(value('SystemCallFilter')).toBe('@system-service');
});

test('what the unit starts, reloads and stops starts, reloads and stops, and a bad setting is no reason to try again', async () => {
  const unit = onThisMachine(UNIT);
  const [, command = ''] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
  const env = Object.fromEntries([...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name, is]) => [name, is]));
  const relay = await start(command.split(' '), env);
  expect(value('ExecReload')).toBe('/bin/kill -HUP $MAINPID');
  relay.signal('SIGHUP');
  await relay.line(/settings read again/);
  expect(await relay.stop(1_000 * Number(value('TimeoutStopSec')))).toMatchObject({ code: 0 });

  const [program = '', ...args] = command.split(' ');
  const refused = startChild(program, args, { cwd: await tempDir(), env: { ...env, RELAY_PORT: 'none' } });
  onTeardown(() => refused.kill());
  const { code } = await within('a refused start', refused.exited, 10_000);
  expect(String(code)).toBe(value('RestartPreventExitStatus'));
});

test("what PM2's file starts ends as PM2 asks for it", async () => {
  const file = join(await tempDir(), 'ecosystem.config.cjs');
  await writeFile(file, block('PM2', 'js'));
  const { apps } = createRequire(import.meta.url)(file) as { apps: Record<string, unknown>[] };
  expect(apps).toMatchObject([{ name: 'relay', exec_mode: 'fork', instances: 1 }]);
  const [{ script, args, kill_timeout, env } = {}] = apps;
  const relay = await start([process.execPath, join(ROOT, String(script)), String(args)], env as Env);
  // PM2 sends SIGINT, and SIGKILL after so many milliseconds
  expect(await relay.stop(Number(kill_timeout), 'SIGINT')).toMatchObject({ code: 0 });
});

type Env = Record<string, string>;

/** In a folder with the settings in `.env`, until it is up. */
async function start([program = '', ...args]: string[], env: Env): Promise<Child> {
  const cwd = await tempDir();
  const settings = { RELAY_SECRET: SECRET, RELAY_ALLOWED_ORIGINS: 'https://www.example.org', RELAY_DRAIN_SECONDS: 1 };
  const ports = { RELAY_HOST: '127.0.0.1', RELAY_PORT: 0, RELAY_INTERNAL_PORT: 0 };
  const lines = Object.entries({ ...settings, ...ports }).map(([name, is]) => `${name}=${is}\n`);
  await writeFile(join(cwd, '.env'), lines.join(''));
  const child = startChild(program, args, { cwd, env });
  onTeardown(() => child.kill());
  await child.line(/the relay is up/);
  return child;
}

const value = (name: string): string | undefined => new RegExp(`^${name}=(.*)$`, 'm').exec(UNIT)?.[1];

/** Node and the clone are elsewhere here. */
function onThisMachine(unit: string): string {
  return replaced(unit, [
    ['/usr/bin/node', process.execPath],
    ['/opt/relay', ROOT.replace(/\/$/, '')],
  ]);
}

async function verify(unit: string) {
  const file = join(await tempDir(), 'relay.service');
  await writeFile(file, unit);
  const child = startChild('systemd-analyze', ['verify', '--man=no', file]);
  onTeardown(() => child.kill());
  const { code } = await within('systemd-analyze', child.exited, 10_000);
  // other units of this machine may have faults of their own
  return { code, output: child.output.filter((line) => line.includes('relay.service')) };
}
