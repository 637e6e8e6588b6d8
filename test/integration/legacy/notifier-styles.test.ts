import { describe, expect, it } from 'vitest';
import { startIngress } from '../../legacy/ingress-server.js';
import type { PhpRun } from '../../legacy/php.js';
import { notifyByPhp, phpStyles, prefixOf } from '../../legacy/php.js';
import { until } from '../../support/until.js';

const COUNT = 20;
const LIBRARIES = ['textalk10', 'textalk16', 'phrity17', 'phrity22', 'fsockopen', 'fixed-key'];
const ENDINGS = ['close', 'drop', 'exit'] as const;

const relay = await startIngress();

const endingAt = (index: number) => ENDINGS[index % ENDINGS.length] ?? 'exit';

const expectExactlyOnce = async (run: Pick<PhpRun, 'library' | 'style' | 'ending'>): Promise<void> => {
  const result = await notifyByPhp({ ...run, count: COUNT, server: relay.server });
  expect(result.output).toBe('');
  const parts = run.style === 'two-sends' ? [1, 2] : [undefined];
  const sent = Array.from({ length: COUNT }, (_, n) => parts.map((part) => [`${prefixOf(run)}-${n + 1}`, part])).flat();
  const arrived = (): unknown[] =>
    relay.notifies
      .filter(({ text }) => text?.startsWith(`${prefixOf(run)}-`))
      .map(({ text, message }) => [text, message.part]);
  await until(`${sent.length} of ${prefixOf(run)}`, () => arrived().length >= sent.length, 3_000).catch(
    () => undefined,
  );
  expect(arrived()).toEqual(sent);
};

describe.each(phpStyles().map((style, index) => ({ style, index })))('$style', ({ style, index }) => {
  it('arrives exactly once from every library, however it ends', { timeout: 90_000 }, async () => {
    const runs = LIBRARIES.map((library, other) => ({ library, style, ending: endingAt(index + other) }));
    for (let next = 0; next < runs.length; next += 6)
      await Promise.all(runs.slice(next, next + 6).map(expectExactlyOnce));
  });
});

it.each(['event-data', 'flat', 'eio4', 'eio3'])('%s arrives exactly once before a reset', async (style) => {
  await expectExactlyOnce({ library: 'textalk16', style, ending: 'reset' });
});

it('all of it was mapped to a message from 3 to 17, unchanged', () => {
  const [first] = relay.notifies;
  expect(first).toMatchObject({
    event: 'receive_message',
    durable: true,
    recipients: ['17'],
    sender: '3',
    conversation: '5',
  });
  expect(Object.keys(first?.message ?? {})).toEqual([
    'conversation_id',
    'sender_id',
    'recipient_id',
    'content',
    'padding',
  ]);
  expect(relay.lines.filter(({ level }) => level !== 'info')).toEqual([]);
});

it('the first notify from the address told how to move to POST /notify, once', () => {
  const told = relay.lines.filter(({ message }) => message.includes('POST http'));
  expect(told.map(({ fields }) => fields.address)).toEqual(['127.0.0.1']);
});
