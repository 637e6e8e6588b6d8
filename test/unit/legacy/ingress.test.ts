import { describe, expect, it } from 'vitest';
import { RelayError } from '../../../relay/errors.js';
import { parseFieldNames } from '../../../relay/legacy/field-names.js';
import type { Accept } from '../../../relay/legacy/ingress.js';
import { createIngress } from '../../../relay/legacy/ingress.js';
import { createShapeCollector } from '../../../relay/legacy/learn.js';
import type { LegacyNotify } from '../../../relay/legacy/mapping.js';
import { createReport } from '../../../relay/legacy/report.js';

const source = { address: '192.0.2.7' };
const OWN_ID = expect.stringMatching(/^[\da-f-]{36}$/);

function ingressWith(accept: Accept, retryDelays: readonly number[] = [1, 2, 3, 4]) {
  const lines: { fields: Record<string, unknown>; message: string }[] = [];
  const write = (fields: object, message: string): void => void lines.push({ fields: { ...fields }, message });
  const clock = { now: 0 };
  const shapes = createShapeCollector();
  const report = createReport({ log: { info: write, warn: write, error: write }, shapes, now: () => clock.now });
  const stop = new AbortController();
  const ingress = createIngress({ names: parseFieldNames(''), accept, report, signal: stop.signal, retryDelays });
  return { ingress, lines, clock, stop, shapes };
}

const remembering = () => {
  const notifies: LegacyNotify[] = [];
  return { notifies, ...ingressWith(async (notify) => void notifies.push(notify)) };
};

describe('a store that is away', () => {
  it('is asked again, and the message arrives once it is back', async () => {
    const attempts: string[] = [];
    const { ingress, lines } = ingressWith(async ({ id }) => {
      attempts.push(id);
      if (attempts.length < 4) throw new RelayError('store_unavailable', 'away');
    });
    const outcome = ingress.event('send_message', [{ to: 17, text: 'hi' }], source);
    await expect(outcome).resolves.toEqual({ ok: true });
    // one id, so that a store which took it before it went away knows it again
    expect(attempts).toEqual(Array(4).fill(attempts[0]));
    expect(lines.filter(({ message }) => message.includes('not delivered'))).toEqual([]);
  });

  it('that stays away costs the message, and the log says so', async () => {
    const { ingress, lines } = ingressWith(async () => {
      throw new RelayError('store_unavailable', 'away');
    });
    const outcome = ingress.event('send_message', [{ to: 17, text: 'secret', id: 981 }], source);
    await expect(outcome).resolves.toEqual({ ok: false, error: { code: 'store_unavailable', message: 'away' } });
    expect(lines.at(-1)).toMatchObject({
      fields: { id: '981' },
      message: expect.stringContaining('store_unavailable'),
    });
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('is not waited for once the relay stops', async () => {
    const away = () => Promise.reject(new RelayError('store_unavailable', 'away'));
    const { ingress, stop } = ingressWith(away, [600_000]);
    const outcome = ingress.event('message', [{ to: 17, text: 'hi' }], source);
    stop.abort();
    await expect(outcome).resolves.toMatchObject({ ok: false });
  });
});

it('an error that waiting does not mend is told at once; the text of an unknown one is masked', async () => {
  const errors = [new RelayError('unknown_conversation', 'nobody known'), new Error('internals')];
  const { ingress } = ingressWith(() => Promise.reject(errors.shift()));
  const send = () => ingress.event('message', [{ conversation_id: 5, text: 'hi' }], source);
  await expect(send()).resolves.toEqual({
    ok: false,
    error: { code: 'unknown_conversation', message: 'nobody known' },
  });
  await expect(send()).resolves.toEqual({ ok: false, error: { code: 'internal', message: 'internal error' } });
});

it('equal messages without an id are as many as came', async () => {
  const { ingress, notifies } = remembering();
  const ok = { to: 17, text: 'ok' };
  await ingress.json(ok, source);
  await ingress.json([ok, ok], source);
  await ingress.event('send_message', [ok], source);
  expect(new Set(notifies.map(({ id }) => id)).size).toBe(4);
});

it('an id that comes with other contents is no message id: those messages are given one each', async () => {
  const { ingress, notifies, lines } = remembering();
  const say = (text: string) => ingress.json({ id: 3, to: 17, text }, source);
  for (const text of ['one', 'one', 'two', 'three', 'one']) await say(text);
  expect(notifies.map(({ id, text }) => [id, text])).toEqual([
    ['3', 'one'],
    ['3', 'one'],
    [OWN_ID, 'two'],
    [OWN_ID, 'three'],
    [OWN_ID, 'one'],
  ]);
  expect(new Set(notifies.map(({ id }) => id)).size).toBe(4);
  expect(lines.filter(({ message }) => message.includes('under one id'))).toHaveLength(1);
});

it('an event without a text that changes under its id is no repeat', async () => {
  const { ingress, notifies } = remembering();
  for (const state of ['paid', 'paid', 'sent']) await ingress.event('order', [{ id: 7, to: 17, state }], source);
  expect(notifies.map(({ id }) => id)).toEqual(['7', '7', OWN_ID]);
});

it('what cannot be mapped is logged once a minute and shape, with what would help, and never its contents', async () => {
  const { ingress, lines, clock, shapes } = remembering();
  const say = () => ingress.json({ event: 'nachricht', data: { ziel: 17, inhalt: 'secret' } }, source);
  await expect(say()).resolves.toMatchObject({ ok: false, error: { code: 'invalid_payload' } });
  await say();
  await say();
  await ingress.json({ event: 'nachricht', data: { ziel: 'anna' } }, source);
  clock.now += 61_000;
  await say();
  expect(lines.map(({ fields }) => [fields.shape, fields.times])).toEqual([
    ['event "nachricht" {inhalt: string, ziel: number}', 1],
    ['event "nachricht" {ziel: string}', 1],
    ['event "nachricht" {inhalt: string, ziel: number}', 3],
  ]);
  expect(lines[0]?.fields).toMatchObject({
    reason: 'no_recipient',
    hint: expect.stringContaining('RELAY_LEGACY_FIELDS'),
  });
  expect(JSON.stringify(lines)).not.toContain('secret');
  expect(shapes.list()[0]?.count).toBe(4);
});

it('nesting that would overflow the stack is refused like any other odd input', async () => {
  const { ingress, notifies } = remembering();
  const deep: unknown = JSON.parse(`${'['.repeat(30_000)}${']'.repeat(30_000)}`);
  await expect(ingress.json({ to: 17, text: 'hi', deep }, source)).resolves.toMatchObject({ ok: false });
  await expect(ingress.json(deep, source)).resolves.toMatchObject({ ok: false });
  expect(notifies).toEqual([]);
});
