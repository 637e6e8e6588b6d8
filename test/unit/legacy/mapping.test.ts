import { describe, expect, it } from 'vitest';
import { saidByEvent, saidByJson } from '../../../relay/legacy/envelope.js';
import { parseFieldNames } from '../../../relay/legacy/field-names.js';
import type { LegacyNotify, Mapped } from '../../../relay/legacy/mapping.js';
import { toNotify } from '../../../relay/legacy/mapping.js';

const fields = { conversation_id: '5', sender_id: 3, content: 'hi', id: 981 };

const mapJson = (value: unknown, owner = ''): Mapped[] => {
  const names = parseFieldNames(owner);
  return saidByJson(value, names).map((said) => toNotify(said, names));
};
const mapEvent = (name: string, ...args: unknown[]): Mapped => toNotify(saidByEvent(name, args, none), none);
const none = parseFieldNames('');

const notifyOf = ([mapped, ...more]: Mapped[]): LegacyNotify => {
  expect(more).toEqual([]);
  if (mapped?.kind !== 'notify') throw new Error(`no notify: ${JSON.stringify(mapped)}`);
  return mapped.notify;
};

describe('a message', () => {
  const expected = { event: 'receive_message', durable: true, conversation: '5', sender: '3', id: '981', text: 'hi' };

  it.each([
    ['{event, data}', { event: 'send_message', data: fields }],
    ['{event, data} as a JSON text', { event: 'send_message', data: JSON.stringify(fields) }],
    ['{event, data: [one]}', { event: 'send_message', data: [fields] }],
    ['{action, …}', { action: 'send_message', ...fields }],
    ['{type, data}', { type: 'message', data: fields }],
    ['{type, payload}', { type: 'new_message', payload: fields }],
    ['flat', fields],
    ['a list of name and data', ['receive_message', fields]],
    ['the body of POST /notify', { event: 'receive_message', message: fields }],
    ['an event called message that holds another', ['message', { event: 'send_message', data: fields }]],
    ['sendMessage', { event: 'sendMessage', data: fields }],
    ['new-message', { event: 'new-message', data: fields }],
  ])('is read from %s, unchanged', (_style, value) => {
    const notify = notifyOf(mapJson(value));
    expect(notify).toMatchObject({ ...expected, recipients: [] });
    expect(notify.message).toEqual(fields);
  });

  it.each(['send_message', 'receive_message', 'new_message', 'message'])('is what the event %s carries', (name) => {
    expect(notifyOf([mapEvent(name, fields)])).toMatchObject(expected);
    expect(notifyOf([mapEvent(name, JSON.stringify(fields))])).toMatchObject(expected);
  });

  it('may have its people beside the data', () => {
    const notify = notifyOf(mapJson({ event: 'new_message', to: [17, '42'], from: 3, data: { text: 'hi' } }));
    expect(notify).toMatchObject({ recipients: ['17', '42'], sender: '3', text: 'hi' });
    expect(notify.message).toEqual({ sender_id: '3', text: 'hi' });
  });

  it('may be a bare text between people', () => {
    expect(notifyOf(mapJson({ event: 'message', to: 17, data: 'hi' })).message).toEqual({ to: 17, content: 'hi' });
  });

  it('keeps the type that tells texts from images, and a text that is JSON itself', () => {
    expect(notifyOf(mapJson({ ...fields, type: 'text' })).message).toEqual({ ...fields, type: 'text' });
    const chat = { to: 17, message: '{"to": 99}' };
    expect(notifyOf(mapJson(chat))).toMatchObject({ recipients: ['17'], message: chat });
  });

  it('may come in a list with others', () => {
    expect(mapJson([fields, { ...fields, id: 982 }]).map((mapped) => notifyOf([mapped]).id)).toEqual(['981', '982']);
  });
});

describe('another event', () => {
  it('is delivered under its name, durable when it has an id or a text', () => {
    const order = notifyOf(mapJson({ event: 'new_order', data: { user: { id: 1 }, to: 17, id: 7 } }));
    expect(order).toMatchObject({ event: 'new_order', durable: true, id: '7', recipients: ['17'] });
    expect(notifyOf([mapEvent('refresh', { to: 17 })])).toMatchObject({ event: 'refresh', durable: false });
    expect(notifyOf([mapEvent('notice', { to: 17, text: 'x' })])).toMatchObject({ event: 'notice', durable: true });
  });

  it('that is a signal may be lost; typing goes out as the page expects it', () => {
    const typing = mapJson({ event: 'typing', data: { conversation_id: 5, user_id: '3', is_typing: true } });
    expect(notifyOf(typing)).toMatchObject({ event: 'user_typing', durable: false, conversation: '5', sender: '3' });
  });

  it('is refused when Socket.IO keeps the name for itself', () => {
    for (const name of ['connect', 'disconnect', 'connect_error', 'newListener', 'removeListener']) {
      expect(mapEvent(name, { to: 17 })).toEqual({ kind: 'unmapped', reason: 'reserved_event' });
    }
  });

  it('is ignored when it only greets', () => {
    expect(mapEvent('register_user', 3)).toEqual({ kind: 'ignored' });
  });
});

describe('what cannot be mapped says why', () => {
  it.each([
    [{ event: 'send_message', data: { text: 'hi' } }, 'no_recipient'],
    [{ event: 'refresh' }, 'no_recipient'],
    [{ to: 17 }, 'no_event'],
    [{}, 'no_event'],
    [{ event: 'x'.repeat(200), to: 17 }, 'bad_event_name'],
    [[17], 'no_data'],
    [17, 'no_data'],
    [[], 'no_data'],
  ])('%.60j', (value, reason) => expect(mapJson(value)).toEqual([{ kind: 'unmapped', reason }]));
});

describe('names that the owner gave', () => {
  const owner = 'event=typ,data=daten,recipient=ziel,sender=von,text=inhalt,id=nr,event:nachricht=send_message';

  it('find what the built-in ones do not', () => {
    const inner = { ziel: 17, von: 3, inhalt: 'hallo', nr: 9 };
    const notify = notifyOf(mapJson({ typ: 'nachricht', daten: inner }, owner));
    expect(notify).toMatchObject({ event: 'receive_message', recipients: ['17'], sender: '3', text: 'hallo', id: '9' });
    expect(notify.message).toEqual(inner);
  });

  it('reach one level down, rename and ignore events, and keep a name as it is', () => {
    expect(notifyOf(mapJson({ event: 'a', ziel: { id: 17 } }, 'recipient=ziel.id,event:a=b')).event).toBe('b');
    expect(mapJson({ event: 'heartbeat' }, 'event:heartbeat=ignore')).toEqual([{ kind: 'ignored' }]);
    expect(notifyOf(mapJson({ event: 'newMessage', to: 17 }, 'event:newMessage=newMessage')).event).toBe('newMessage');
  });
});

it('the content key is one for the same content in any order, and another for any other content', () => {
  const keyOf = (value: unknown): string => notifyOf(mapJson(value)).contentKey;
  const same = { to: [17, 42], content: 'ok', extra: { a: 1, b: 2 } };
  expect(keyOf(same)).toMatch(/^[0-9a-f]{32}$/);
  expect(keyOf({ extra: { b: 2, a: 1 }, content: 'ok', to: [17, 42] })).toBe(keyOf(same));
  const others = [
    { ...same, content: 'ok!' },
    { ...same, to: [17] },
    { ...same, sent_at: '2025-05-28 10:00:00' },
  ];
  expect(new Set([same, ...others].map(keyOf)).size).toBe(4);
});

it('no input breaks the mapping', () => {
  const odd: unknown[] = [
    null,
    true,
    '',
    'x',
    [[]],
    [null],
    [['a']],
    { event: null },
    { event: {} },
    { data: null, to: {} },
  ];
  const proto: unknown = JSON.parse('{"__proto__":{"to":17},"event":"constructor","data":{"toString":1}}');
  for (const value of [...odd, proto, Array(5_000).fill({ to: 17, text: 'x' })]) {
    expect(mapJson(value).every(({ kind }) => kind === 'unmapped')).toBe(true);
  }
});
