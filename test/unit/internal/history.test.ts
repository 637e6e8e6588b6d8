import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createHistory, type Reading } from '../../../relay/internal/history.js';
import { type Buckets, bucketsSince, quantile } from '../../../relay/internal/quantile.js';

const START = 1_700_000_000_000;
/** Below 1, 2 and 4 ms, and anything. */
const histogram = (...counts: readonly [number, number, number, number]): Buckets =>
  [0.001, 0.002, 0.004, Number.POSITIVE_INFINITY].map((bound, index) => [bound, counts[index] ?? 0]);
const NONE = histogram(0, 0, 0, 0);

let reading: Reading;
let errors: unknown[];
beforeEach(() => {
  vi.useFakeTimers({ now: START });
  errors = [];
  reading = {
    at: 0,
    sockets: 0,
    users: 0,
    unconfirmed: 0,
    notifies: 0,
    delivered: 0,
    notify: NONE,
    deliver: NONE,
    confirm: NONE,
    active: 0,
    idle: 0,
    memory: 0,
  };
});
afterEach(() => {
  vi.useRealTimers();
});

const history = () =>
  createHistory({ read: async () => ({ ...reading, at: Date.now() }), onError: (error) => errors.push(error) });

test('a quantile is read off the bucket in which it falls, as Prometheus does', () => {
  expect(quantile(0.5, histogram(10, 10, 10, 10))).toBe(0.0005);
  expect(quantile(0.5, histogram(0, 10, 10, 10))).toBe(0.0015);
  expect(quantile(0.99, histogram(0, 50, 100, 100))).toBeCloseTo(0.00396, 6);
});

test('what is beyond the last bound counts as that bound, and nothing has no quantile', () => {
  expect(quantile(0.99, histogram(0, 0, 0, 5))).toBe(0.004);
  expect(quantile(0.5, NONE)).toBeNull();
  expect(quantile(0.5, [])).toBeNull();
});

test('of two readings only what came in between counts', () => {
  const counted = bucketsSince(histogram(100, 100, 100, 100), histogram(100, 100, 108, 108));
  expect(quantile(0.5, counted)).toBe(0.003);
});

test('every 10 s makes a point, with rates and latencies of just those 10 s', async () => {
  const kept = history();
  await kept.start();
  reading = { ...reading, notifies: 50, delivered: 100, deliver: histogram(0, 100, 100, 100), active: 1, idle: 3 };
  await vi.advanceTimersByTimeAsync(10_000);
  reading = { ...reading, sockets: 3 };
  await vi.advanceTimersByTimeAsync(10_000);
  const [first, second, current, ...none] = await kept.points();
  expect(none).toEqual([]);
  expect(first).toMatchObject({ at: START + 10_000, notifies_per_second: 5, delivered_per_second: 10, busy: 0.25 });
  expect(first?.deliver).toEqual({ p50: 0.0015, p99: expect.closeTo(0.00199, 6), count: 100 });
  expect(second).toMatchObject({ notifies_per_second: 0, sockets: 3, deliver: { p50: null, p99: null, count: 0 } });
  expect(current).toMatchObject({ at: START + 20_000 });
  kept.stop();
});

test('what goes on now shows before the first 10 s are over, without thousands a second', async () => {
  const kept = history();
  await kept.start();
  reading = { ...reading, notifies: 2, deliver: histogram(1, 1, 1, 1) };
  await vi.advanceTimersByTimeAsync(1);
  const { point, minute } = await kept.live();
  expect(point.notifies_per_second).toBe(2);
  expect(minute.deliver.count).toBe(1);
  expect(await kept.points()).toHaveLength(1);
  kept.stop();
});

test('what goes on now is of the last 20 s for rates and of the last minute for latencies', async () => {
  const kept = history();
  await kept.start();
  reading = { ...reading, notifies: 1000, deliver: histogram(1, 1, 1, 1) };
  await vi.advanceTimersByTimeAsync(30_000);
  const soon = await kept.live();
  expect([soon.point.notifies_per_second, soon.minute.deliver.count]).toEqual([0, 1]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect((await kept.live()).minute.deliver.count).toBe(0);
  kept.stop();
});

test('no more than an hour is kept, the oldest goes', async () => {
  const kept = history();
  await kept.start();
  await vi.advanceTimersByTimeAsync(2 * 3_600_000);
  const points = await kept.points();
  expect(points).toHaveLength(361);
  expect(points[0]?.at).toBe(START + 3_600_000 + 10_000);
  kept.stop();
});

test('a reading that fails is told and leaves no point, the next ones go on', async () => {
  let fails = false;
  const read = async () => {
    if (fails) throw new Error('not now');
    return { ...reading, at: Date.now() };
  };
  const kept = createHistory({ read, onError: (error) => errors.push(error) });
  await kept.start();
  fails = true;
  await vi.advanceTimersByTimeAsync(10_000);
  fails = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(errors).toEqual([new Error('not now')]);
  expect(await kept.points()).toHaveLength(2);
  kept.stop();
});

test('after its end it reads no more', async () => {
  const kept = history();
  await kept.start();
  kept.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await kept.points()).toHaveLength(1);
});
