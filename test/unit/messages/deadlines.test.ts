import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createDeadlines } from '../../../relay/messages/deadlines.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('each is handed on when it is due, and not with those that came before', async () => {
  const due: string[] = [];
  const deadlines = createDeadlines<string>(
    () => 100,
    (items) => due.push(...items),
  );
  deadlines.add('a');
  await vi.advanceTimersByTimeAsync(60);
  deadlines.add('b');
  await vi.advanceTimersByTimeAsync(60);
  expect(due).toEqual(['a']);
  await vi.advanceTimersByTimeAsync(60);
  expect(due).toEqual(['a', 'b']);
});

test('one that is there already keeps its time, and one that was taken out is not handed on', async () => {
  const due: string[] = [];
  const deadlines = createDeadlines<string>(
    () => 100,
    (items) => due.push(...items),
  );
  deadlines.add('a');
  deadlines.add('b');
  await vi.advanceTimersByTimeAsync(60);
  deadlines.add('a');
  deadlines.delete('b');
  await vi.advanceTimersByTimeAsync(60);
  expect(due).toEqual(['a']);
  deadlines.add('c');
  deadlines.clear();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(due).toEqual(['a']);
});
