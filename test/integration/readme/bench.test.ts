import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../../scripts/build.mjs';
import { startChild } from '../../support/process.js';

test('npm run bench prints a row a server, and has seen every frame arrive once', async () => {
  const few = ['--notifies', '200', '--warm-up', '200', '--runs', '1'];
  const servers = ['--servers', 'relay,express-key'];
  const bench = startChild('node', [join(ROOT, 'test/bench/run.mjs'), '--workloads', 'notify', ...servers, ...few]);
  const { code } = await bench.exited;
  const rows = bench.output.filter((line) => /^\| (relay|Express)/.test(line));
  expect(code, bench.output.join('\n')).toBe(0);
  expect(rows).toHaveLength(6);
}, 60_000);
