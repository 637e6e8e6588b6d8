import { expect, test } from 'vitest';
import { runsIn, summarize, tables } from '../../bench/report.js';
import { BUSY, type Workload } from '../../bench/workloads/workload.js';

const workload: Workload = {
  title: 'Work',
  servers: ['relay', 'express-key'],
  columns: [{ name: 'cpu', title: 'CPU', digits: 1, compared: true }, BUSY],
  run: () => Promise.reject(new Error('this one is not run')),
};

function results(busy: number) {
  return new Map([
    [
      'c16',
      new Map([
        [
          'relay' as const,
          [
            { cpu: 30, busy: 50 },
            { cpu: 20, busy },
          ],
        ],
        ['express-key' as const, [{ cpu: 80, busy: 40 }]],
      ]),
    ],
  ]);
}

test('the best run of each server is shown, and what the relay needs for each 1 of another', () => {
  expect(
    tables(summarize(results(60), workload), workload)
      .split('\n')
      .slice(3),
  ).toEqual([
    '|  | CPU | relay ÷ it | generator busy, % |',
    '| --- | ---: | ---: | ---: |',
    '| relay | 20.0 | 1.00 | 60 |',
    '| Express + socket.io, secret a KeyObject | 80.0 | 0.25 | 40 |',
  ]);
});

test('a generator that was saturated in any run is marked, and the mark explained', () => {
  const [, , , , , relay, peer, , why] = tables(summarize(results(90), workload), workload).split('\n');
  expect(relay).toBe('| relay | 20.0 | 1.00 | 90 **!** |');
  expect(peer).not.toContain('!');
  expect(why).toContain('The generator was saturated');
});

test('JSON has the figures of every run', () => {
  expect(JSON.parse(JSON.stringify(runsIn(results(60))))).toEqual({
    c16: {
      relay: [
        { cpu: 30, busy: 50 },
        { cpu: 20, busy: 60 },
      ],
      'express-key': [{ cpu: 80, busy: 40 }],
    },
  });
});
