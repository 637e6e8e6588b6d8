import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createExpiries } from '../../../relay/sockets/expiries.js';

const ended: string[] = [];
let expiries = createExpiries<string>(() => undefined);

beforeEach(() => {
  vi.useFakeTimers();
  ended.length = 0;
  expiries = createExpiries((item) => ended.push(item));
});
afterEach(() => void vi.useRealTimers());

test('each ends at its time, and at most a second later', () => {
  vi.advanceTimersByTime(300);
  expiries.add('later', 2_500);
  expiries.add('sooner', 1_200);
  vi.advanceTimersByTime(1_199);
  expect(ended).toEqual([]);
  vi.advanceTimersByTime(1_001);
  expect(ended).toEqual(['sooner']);
  vi.advanceTimersByTime(299);
  expect(ended).toEqual(['sooner']);
  vi.advanceTimersByTime(1_001);
  expect(ended).toEqual(['sooner', 'later']);
});

test('what is deleted does not end, and with the last of them the timer goes', () => {
  const [first, second] = [expiries.add('first', 5_000), expiries.add('second', 5_000)];
  expiries.delete('first', first);
  expect(vi.getTimerCount()).toBe(1);
  expiries.delete('second', second);
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(10_000);
  expect(ended).toEqual([]);
});

test('what is over already ends with the next second', () => {
  expiries.add('over', -90_000);
  vi.advanceTimersByTime(1_000);
  expect(ended).toEqual(['over']);
  expect(vi.getTimerCount()).toBe(0);
});

test('one that is further off than a timer can wait does not end now', () => {
  expiries.add('far', 100 * 365 * 86_400_000);
  vi.advanceTimersByTime(10_000);
  expect(ended).toEqual([]);
});

test('those that came while another ended are kept to their own time', () => {
  const chain = createExpiries<string>((item) => {
    ended.push(item);
    if (item === 'first') chain.add('second', 1_500);
  });
  chain.add('first', 1_000);
  vi.advanceTimersByTime(2_000);
  expect(ended).toEqual(['first']);
  vi.advanceTimersByTime(2_000);
  expect(ended).toEqual(['first', 'second']);
});
