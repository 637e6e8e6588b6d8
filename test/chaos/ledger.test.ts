import { expect, onTestFinished, test, vi } from 'vitest';
import { createLedger, type Ledger } from './ledger.js';

function twoAccepted(): Ledger {
  const ledger = createLedger();
  ledger.open('tab', '17');
  for (const id of ['first', 'second']) {
    ledger.posted({ id, conversation: 0, users: ['17'] });
    ledger.accepted(id);
  }
  return ledger;
}

const show = (ledger: Ledger, ...ids: string[]) => ids.map((id) => ledger.accounts[0]?.show(id));

test('each message once and in order is what is expected', () => {
  const ledger = twoAccepted();
  expect(show(ledger, 'first', 'second')).toEqual(['first', 'first']);
  expect(ledger.missing()).toBe(0);
});

test('a message that is not shown is missing', () => {
  const ledger = twoAccepted();
  show(ledger, 'second');
  expect([...(ledger.accounts[0]?.missing ?? [])]).toEqual(['first']);
});

test('a message that was accepted before a later one was posted is out of order behind it', () => {
  expect(show(twoAccepted(), 'second', 'first')).toEqual(['first', 'out of order']);
});

test('two that were under way at the same time may come in any order', () => {
  const ledger = createLedger();
  ledger.open('tab', '17');
  ledger.posted({ id: 'first', conversation: 0, users: ['17'] });
  ledger.posted({ id: 'second', conversation: 1, users: ['17'] });
  ledger.accepted('first');
  ledger.accepted('second');
  expect(show(ledger, 'second', 'first')).toEqual(['first', 'first']);
});

test('a message shown again is repeated, and not out of order', () => {
  const ledger = twoAccepted();
  expect(show(ledger, 'first', 'second', 'first')).toEqual(['first', 'first', 'repeated']);
  expect(ledger.accounts[0]?.outOfOrder).toEqual([]);
});

test('a replay lasts until the last of what was accepted before the reconnect', () => {
  const ledger = twoAccepted();
  ledger.accounts[0]?.reconnected();
  show(ledger, 'first');
  expect(ledger.accounts[0]?.replays).toHaveLength(0);
  show(ledger, 'second');
  expect(ledger.accounts[0]?.replays).toHaveLength(1);
});

test('a repeat of what was confirmed long before the drop is explained by nothing', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const ledger = twoAccepted();
  const account = ledger.accounts[0];
  show(ledger, 'first');
  account?.ponged();
  vi.advanceTimersByTime(2_000);
  show(ledger, 'second');
  account?.ponged();
  account?.dropped();
  show(ledger, 'first', 'second');
  expect(account?.repeated).toEqual(['first', 'second']);
  expect(account?.unexplained).toEqual(['first']);
});
