import { expect, test } from 'vitest';
import { createLedger } from '../../bench/load/ledger.js';
import { messageOf } from '../../bench/load/message.js';

/** Message 70 is for page 0, message 71 for page 1. */
function twoMessages() {
  const messages = [messageOf(70, 0), messageOf(71, 1)] as const;
  const ledger = createLedger({ messages, copies: 1, copyOf: (index, page) => (index === page ? 0 : -1) });
  return { messages, ledger };
}

test('it is complete when everyone has what was for them, in whatever order', async () => {
  const { messages, ledger } = twoMessages();
  ledger.sent(0);
  ledger.sent(1);
  ledger.received(1, 'receive_message', messages[1]);
  expect(ledger.missing).toBe(1);
  ledger.received(0, 'receive_message', { ...messages[0], sent_at: '2025-05-28T10:00:00.000Z' });
  await ledger.complete;
  expect(ledger.problem).toBeUndefined();
  expect(ledger.latencies().every((latency) => latency >= 0)).toBe(true);
});

test.each([
  ['meant for another', 1, 'receive_message', messageOf(70, 0)],
  ['changed', 0, 'receive_message', { ...messageOf(70, 0), content: 'other' }],
  ['unexpected', 0, 'receive_message', messageOf(72, 0)],
  ['unexpected', 0, 'message_sent', messageOf(70, 0)],
])('what is %s fails the run', async (what, page, name, payload) => {
  const { ledger } = twoMessages();
  ledger.received(page, name, payload);
  await expect(ledger.complete).rejects.toThrow(what);
});

test('a repeat is noticed also after everything had come', async () => {
  const { messages, ledger } = twoMessages();
  for (const [page, message] of messages.entries()) ledger.received(page, 'receive_message', message);
  await ledger.complete;
  ledger.received(1, 'receive_message', messages[1]);
  expect(ledger.problem).toContain('a repeat');
});
