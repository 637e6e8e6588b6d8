import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../../scripts/build.mjs';
import { isHere, type ServerName } from '../../bench/servers.js';
import { startChild } from '../../support/process.js';
import { tempDir } from '../../support/temp.js';

test('npm run bench prints a row a server, and has seen every frame arrive once', async () => {
  const names: readonly ServerName[] = ['relay', 'express-key', 'nchan'];
  const servers = names.filter(isHere);
  const json = join(await tempDir(), 'bench.json');
  const few = ['--notifies', '200', '--warm-up', '200', '--runs', '1', '--json', json];
  const args = ['--workloads', 'notify', '--servers', servers.join(','), ...few];
  const bench = startChild('node', [join(ROOT, 'test/bench/run.mjs'), ...args]);
  const { code } = await bench.exited;
  const rows = bench.output.filter((line) => /^\| (relay|Express|nginx) /.test(line));
  expect(code, bench.output.join('\n')).toBe(0);
  expect(rows).toHaveLength(3 * servers.length);
  const { figures, runs, failures } = JSON.parse(await readFile(json, 'utf8'));
  expect(Object.keys(runs.notify.c16)).toEqual(servers);
  expect(runs.notify.c16.relay).toEqual([figures.notify.c16.relay]);
  expect(failures).toEqual([]);
}, 60_000);
