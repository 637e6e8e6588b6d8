import { describe, expect, it } from 'vitest';
import {
  clientIdOf,
  conversationOf,
  isoTime,
  messageIdOf,
  payloadOf,
  RECIPIENT_FIELDS,
  recipientsOf,
  SENDER_FIELDS,
  senderOf,
  textOf,
  timeOf,
  withSender,
} from '../../../relay/messages/legacy-fields.js';

describe('the recipients', () => {
  it.each(RECIPIENT_FIELDS.map((field) => [field]))('are read from %s: one, or a list', (field) => {
    expect(recipientsOf({ [field]: 17 })).toEqual(['17']);
    expect(recipientsOf({ [field]: ['17', 42, 17, null] })).toEqual(['17', '42']);
  });

  it('may be rows about people, or a JSON text of a list', () => {
    expect(recipientsOf({ recipients: [{ user_id: '17', username: 'Anna' }, { id: 42 }, {}] })).toEqual(['17', '42']);
    expect(recipientsOf({ recipients: '[17,42]' })).toEqual(['17', '42']);
  });

  it('come from the first field that holds any', () => {
    expect(recipientsOf({ recipients: [], recipient_id: '', to: 42 })).toEqual(['42']);
    expect(recipientsOf({ conversation_id: 5 })).toEqual([]);
  });
});

describe('the other fields', () => {
  it.each(SENDER_FIELDS.map((field) => [field]))('a sender is read from %s', (field) => {
    expect(senderOf({ [field]: 3 })).toBe('3');
  });

  it('conversation, text, ids and time are read under their names', () => {
    expect([conversationOf({ conversation_id: '5' }), conversationOf({ conversationId: 5 })]).toEqual(['5', '5']);
    expect(['content', 'message', 'text', 'body'].map((field) => textOf({ [field]: '<b>hi</b>' }))).toEqual(
      Array(4).fill('<b>hi</b>'),
    );
    expect(textOf({ message: { content: 'nested' }, text: '' })).toBeUndefined();
    expect([messageIdOf({ message_id: 981 }), clientIdOf({ client_id: 'c1' })]).toEqual(['981', 'c1']);
    expect(timeOf({ timestamp: 1748426400 })).toBe('2025-05-28T10:00:00.000Z');
  });

  it('are no inherited properties', () => {
    expect(textOf(JSON.parse('{"__proto__": {"content": "x"}}'))).toBeUndefined();
    expect(senderOf({}, ['constructor.name'])).toBeUndefined();
  });

  it('can be named by the owner, one level down too', () => {
    expect(recipientsOf({ daten: { ziel: 17 } }, ['daten.ziel'])).toEqual(['17']);
    expect(textOf({ 'a.b': 'dotted' }, ['a.b'])).toBe('dotted');
  });
});

it('a payload is an object or a JSON text of one, wrapped at most three times', () => {
  const wrapped = (times: number): unknown => (times === 0 ? { to: 17 } : JSON.stringify(wrapped(times - 1)));
  expect([0, 1, 2, 3].map((times) => payloadOf(wrapped(times)))).toEqual(Array(4).fill({ to: 17 }));
  for (const none of [wrapped(4), '{broken', 'hello', '[1]', [1], null, 7]) expect(payloadOf(none)).toBeUndefined();
});

it('times of the old site become ISO 8601 in UTC; what is none stays with the caller', () => {
  expect(isoTime('2025-05-28 10:00:00')).toBe('2025-05-28T10:00:00.000Z');
  expect(isoTime('2025-05-28 10:00:00.123456')).toBe('2025-05-28T10:00:00.123Z');
  expect(isoTime(1748426400)).toBe('2025-05-28T10:00:00.000Z');
  expect(isoTime(1748426400123)).toBe('2025-05-28T10:00:00.123Z');
  for (const none of ['2025-13-40 10:00:00', '2025-05-28T10:00:00Z', 'just now', 1e300, null]) {
    expect(isoTime(none)).toBeUndefined();
  }
});

it('the true sender replaces every claimed one', () => {
  expect(withSender({ from: 9, sender: { id: 9 }, content: 'x' }, '3')).toEqual({
    from: '3',
    sender: '3',
    sender_id: '3',
    content: 'x',
  });
});
