import { expect, test } from 'vitest';
import { bestOf, percentile } from '../../bench/measure/statistics.js';
import { callsIn } from '../../bench/redis.js';
import { commandsOf } from '../../bench/workloads/replicas.js';

test('a percentile is the smallest value that so many do not exceed', () => {
  const values = Float64Array.from({ length: 1_000 }, (_, index) => 1_000 - index);
  expect([0.5, 0.99, 0.999, 1].map((share) => percentile(values, share))).toEqual([500, 990, 999, 1_000]);
  expect(percentile(Float64Array.of(7), 0.99)).toBe(7);
});

test('of several runs the smallest figure counts, of a rate the largest', () => {
  const runs = [
    { cpu: 41.5, rate: 900 },
    { cpu: 38, rate: 700 },
  ];
  expect(bestOf(runs, new Set(['rate']))).toEqual({ cpu: 38, rate: 900 });
});

test('Redis commands are counted a notify, without those that count them', () => {
  const calls = callsIn(
    [
      '# Commandstats',
      'cmdstat_evalsha:calls=200,usec=900,usec_per_call=4.50,rejected_calls=0,failed_calls=0',
      'cmdstat_publish:calls=50,usec=90,usec_per_call=1.80,rejected_calls=0,failed_calls=0',
      'cmdstat_config|resetstat:calls=1,usec=20,usec_per_call=20.00,rejected_calls=0,failed_calls=0',
    ].join('\r\n'),
  );
  expect(commandsOf(calls, 200)).toEqual({ scripts: 1, publishes: 0.25, commands: 1.25 });
});
