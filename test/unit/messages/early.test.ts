import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createEarly } from '../../../relay/messages/early.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const message = { event: 'receive_message', id: '5', body: '{}', at: 0 };

test('what could not be stored is shown a moment later, when no older message can come from another replica', async () => {
  const shown: string[] = [];
  const early = createEarly({ showEarly: (user) => shown.push(user) });
  early.show('17', message);
  await vi.advanceTimersByTimeAsync(500);
  expect(shown).toEqual([]);
  await vi.advanceTimersByTimeAsync(500);
  expect(shown).toEqual(['17']);
});

test.each(['done', 'failed'])('with the store back it waits until the sockets are announced again: %s', async (end) => {
  const shown: string[] = [];
  const early = createEarly({ showEarly: (user) => shown.push(user) });
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  early.show('17', message);
  early.restoring(promise);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(shown).toEqual([]);
  if (end === 'done') resolve();
  else reject(new Error('away again'));
  await vi.advanceTimersByTimeAsync(500);
  expect(shown).toEqual(['17']);
});
