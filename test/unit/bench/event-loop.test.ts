import { expect, test } from 'vitest';
import { delayOf } from '../../bench/measure/event-loop.js';

const quiet = (count: number) => Array.from({ length: count }, () => 10);

test('an event loop that is never late keeps nobody waiting', () => {
  expect(delayOf(Float64Array.from(quiet(100)))).toEqual({ p99: 10, wait: 0, longest: 10 });
});

test('one long tick is what those who come meanwhile wait for', () => {
  // of 2,000 ms, in 1 of 100 somebody has to wait for longer than 980 ms
  const delay = delayOf(Float64Array.from([...quiet(99), 1_010]));
  expect(delay.p99).toBe(10);
  expect(delay.longest).toBe(1_010);
  expect(delay.wait).toBeCloseTo(980);
});

test('many short ticks keep those who come in them waiting, and nobody for longer than that', () => {
  const delay = delayOf(Float64Array.from({ length: 100 }, () => 30));
  expect(delay.p99).toBe(30);
  expect(delay.wait).toBeCloseTo(19.7);
});

test('ticks of different length are added up', () => {
  const delay = delayOf(Float64Array.from([...quiet(94), 50, 40, 30, 20, 110, 10]));
  // 1,200 ms: 12 ms of it in the longest
  expect(delay.wait).toBeCloseTo(88);
});
