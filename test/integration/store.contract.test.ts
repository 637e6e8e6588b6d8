import { describe, expect, test, vi } from 'vitest';
import { unclear } from '../../relay/store/browser.js';
import { cursorOf } from '../../relay/store/cursor.js';
import type { Members, Store } from '../../relay/store/store.js';
import { deliveryTo, messageOf, openTwoInMemory, openTwoOverRedis, socketOf } from '../support/stores.js';
import { until } from '../support/until.js';

vi.setConfig({ testTimeout: 30_000 });

const limit = 0;
const idsOf = (entries: readonly { id: string }[]) => entries.map(({ id }) => id);

describe.each([
  ['in memory', openTwoInMemory],
  ['over Redis', openTwoOverRedis],
])('inbox %s', (_, openTwo) => {
  test('messages are numbered one after the other and read in that order', async () => {
    const [a, b] = await openTwo();
    const [first] = await a.inbox.append([deliveryTo('17', '1')]);
    const [second] = await b.inbox.append([deliveryTo('17', '2')]);
    expect([first?.seq, second?.seq]).toEqual([1, 2]);
    expect(second?.epoch).toBe(first?.epoch);
    const page = await b.inbox.read('17', 0, 10);
    expect(page).toMatchObject({ epoch: first?.epoch, seq: 2, floor: 0 });
    expect(page.entries.map(({ id, seq }) => [id, seq])).toEqual([
      ['1', 1],
      ['2', 2],
    ]);
  });

  test('a page starts behind the number asked for and holds no more than asked for', async () => {
    const [a] = await openTwo();
    for (const id of ['1', '2', '3', '4']) await a.inbox.append([deliveryTo('17', id)]);
    expect(idsOf((await a.inbox.read('17', 1, 2)).entries)).toEqual(['2', '3']);
    expect((await a.inbox.read('17', 4, 2)).entries).toEqual([]);
  });

  test('a message comes out of the inbox as it went in', async () => {
    const [a, b] = await openTwo();
    const message = {
      event: 'message_sent',
      id: 'ä|"\\1',
      body: '{"text":"zwei\\nZeilen | ✓"}',
      at: 1_700_000_000_000,
    };
    await a.inbox.append([deliveryTo('17', '1', { message: { ...message, at: Date.now() } })]);
    const [entry] = (await b.inbox.read('17', 0, 1)).entries;
    expect(entry).toMatchObject({ event: message.event, id: message.id, body: message.body });
  });

  test('the same key is stored once and tells where the inbox stands, on any replica', async () => {
    const [a, b] = await openTwo();
    await a.inbox.append([deliveryTo('17', '1'), deliveryTo('42', '1')]);
    await a.inbox.append([deliveryTo('17', '2')]);
    const [again, other] = await b.inbox.append([deliveryTo('17', '1'), deliveryTo('43', '1')]);
    expect(again).toMatchObject({ duplicate: true, seq: 2 });
    expect(other).toMatchObject({ duplicate: false, seq: 1 });
    expect(idsOf((await a.inbox.read('17', 0, 10)).entries)).toEqual(['1', '2']);
  });

  test('a message known under either of its names is known under both', async () => {
    const [a, b] = await openTwo();
    await a.inbox.append([deliveryTo('17', '1', { key: 'm:emit' })]);
    const [completed] = await b.inbox.append([deliveryTo('17', '981', { key: 'm:981', alias: 'm:emit' })]);
    const [again] = await a.inbox.append([deliveryTo('17', '981', { key: 'm:981' })]);
    expect([completed?.duplicate, again?.duplicate]).toEqual([true, true]);
  });

  test('of a full inbox the oldest go, and the floor says from where it is gapless', async () => {
    const [a] = await openTwo({ inboxLimit: 3 });
    for (const id of ['1', '2', '3', '4', '5']) await a.inbox.append([deliveryTo('17', id)]);
    const page = await a.inbox.read('17', 0, 10);
    expect(page).toMatchObject({ seq: 5, floor: 2 });
    expect(page.entries.map(({ id, seq }) => [id, seq])).toEqual([
      ['3', 3],
      ['4', 4],
      ['5', 5],
    ]);
  });

  test('what is older than the inbox keeps is gone, its numbers are not given again', async () => {
    const [a] = await openTwo({ inboxTtl: 60 });
    const old = Date.now() - 61_000;
    await a.inbox.append([deliveryTo('17', '1', { message: messageOf('1', old) })]);
    await a.inbox.append([deliveryTo('17', '2')]);
    expect(await a.inbox.read('17', 0, 10)).toMatchObject({ seq: 2, floor: 1, entries: [{ id: '2', seq: 2 }] });
  });

  test('who never had a message has an empty inbox that keeps its epoch', async () => {
    const [a, b] = await openTwo();
    const page = await a.inbox.read('17', 0, 10);
    expect(page).toMatchObject({ seq: 0, floor: 0, entries: [] });
    const [first] = await b.inbox.append([deliveryTo('17', '1')]);
    expect(first).toMatchObject({ epoch: page.epoch, seq: 1 });
  });

  test('where an inbox stands can be asked without making one', async () => {
    const [a, b] = await openTwo();
    expect(await a.inbox.position('17')).toBeUndefined();
    expect(await a.inbox.position('17')).toBeUndefined();
    const [appended] = await b.inbox.append([deliveryTo('17', '1')]);
    expect(await a.inbox.position('17')).toEqual({ epoch: appended?.epoch, seq: 1 });
  });

  test('a message goes to the other replica that holds the user, with its place, and not back to its own', async () => {
    const [a, b] = await openTwo();
    await a.presence.join('17', socketOf(a, 'here'), { limit });
    await b.presence.join('17', socketOf(b, 'there'), { limit });
    const [appended] = await a.inbox.append([deliveryTo('17', '1')]);
    await until('the message at the other replica', () => b.messages.length > 0);
    const { epoch, seq } = appended ?? { epoch: '', seq: 0 };
    expect(b.messages).toMatchObject([{ user: '17', position: { epoch, seq }, message: { id: '1' } }]);
    // the way back to its own replica is the same one: a later message from the other side comes, this one did not
    await b.inbox.append([deliveryTo('17', '2')]);
    await until('the later message', () => a.messages.length > 0);
    expect(a.messages.map(({ message }) => message.id)).toEqual(['2']);
  });

  test('appending and signalling tell who is online on any replica', async () => {
    const [a, b] = await openTwo();
    await b.presence.join('17', socketOf(b, 'there'), { limit });
    const appended = await a.inbox.append([deliveryTo('17', '1'), deliveryTo('42', '1')]);
    expect(appended.map(({ online }) => online)).toEqual([true, false]);
    const typing = { event: 'user_typing', id: '', body: '{}', at: Date.now() };
    expect(await a.inbox.signal(['17', '42'], typing)).toEqual([true, false]);
    await until('the signal', () => b.signals.length > 0);
    expect(b.signals).toMatchObject([{ user: '17', message: { event: 'user_typing' } }]);
    expect((await a.inbox.read('17', 0, 10)).entries).toHaveLength(1);
  });
});

describe.each([
  ['in memory', openTwoInMemory],
  ['over Redis', openTwoOverRedis],
])('presence %s', (_, openTwo) => {
  /** Joins and is lost with what it has confirmed of ten messages. */
  const lose = async (store: Store, id: string, seq: number, browser = ['s:one']) => {
    for (let number = 1; number <= 10; number += 1) await store.inbox.append([deliveryTo('17', String(number))]);
    const joined = await store.presence.join('17', socketOf(store, id, browser), { limit });
    const kept = { cursor: cursorOf({ epoch: joined.epoch, seq }), shown: [] };
    await store.presence.leave('17', id, kept);
    return kept;
  };
  const comeBack = async (store: Store, id: string, browser = ['s:one']) => {
    await store.presence.join('17', socketOf(store, id, browser), { limit });
    return store.presence.reclaim('17', browser, id);
  };

  test('joining tells where the inbox stands and which sockets are the same browser’s', async () => {
    const [a, b] = await openTwo();
    await a.inbox.append([deliveryTo('17', '1')]);
    await a.presence.join('17', socketOf(a, 'tab', ['s:one']), { limit });
    await a.presence.join('17', socketOf(a, 'phone', ['s:two']), { limit });
    const joined = await b.presence.join('17', socketOf(b, 'second tab', ['s:one']), { limit });
    expect(joined).toMatchObject({ seq: 1, floor: 0, refused: false });
    expect(joined.siblings).toMatchObject([{ id: 'tab', replica: a.replica, address: '127.0.0.1' }]);
    expect((await b.presence.sockets('17')).map(({ id }) => id).sort()).toEqual(['phone', 'second tab', 'tab']);
  });

  test('a socket that is there is described anew, and one that is not is not put there', async () => {
    const [a, b] = await openTwo();
    const record = { ...socketOf(a, 'tab', ['s:one']), transport: 'polling' };
    const { epoch } = await a.presence.join('17', record, { limit });
    const cursor = cursorOf({ epoch, seq: 3 });
    await a.presence.confirm([{ user: '17', socketId: 'tab', cursor }]);
    await a.presence.revise('17', { ...record, transport: 'websocket' });
    await a.presence.revise('17', { ...record, id: 'another' });
    await a.presence.revise('42', record);
    expect(await b.presence.sockets('17')).toEqual([{ ...record, transport: 'websocket' }]);
    expect(await b.presence.confirmed('17')).toEqual(new Map([['tab', cursor]]));
    await a.presence.leave('17', 'tab');
    await a.presence.revise('17', record);
    expect(await b.presence.sockets('17')).toEqual([]);
    expect(await b.presence.sockets('42')).toEqual([]);
  });

  test('over the limit a socket is refused and nothing changes; one that joins again is not counted twice', async () => {
    const [a, b] = await openTwo();
    await a.presence.join('17', socketOf(a, 'one'), { limit: 2 });
    await b.presence.join('17', socketOf(b, 'two'), { limit: 2 });
    expect(await a.presence.join('17', socketOf(a, 'three'), { limit: 2 })).toMatchObject({ refused: true });
    expect(await a.presence.join('17', socketOf(a, 'one'), { limit: 2 })).toMatchObject({ refused: false });
    expect(await b.presence.lookup(['17', '42'])).toEqual([
      { sockets: 2, lastSeen: undefined },
      { sockets: 0, lastSeen: undefined },
    ]);
  });

  test('one that is there joins again whatever the limit is, and still is sent messages', async () => {
    const [a, b] = await openTwo();
    await a.presence.join('17', socketOf(a, 'one'), { limit });
    await b.presence.join('17', socketOf(b, 'two'), { limit });
    expect(await b.presence.join('17', socketOf(b, 'two'), { limit: 1 })).toMatchObject({ refused: false });
    expect((await a.presence.sockets('17')).map(({ id }) => id).sort()).toEqual(['one', 'two']);
    await a.inbox.append([deliveryTo('17', '1')]);
    await until('the message at the other replica', () => b.messages.length > 0);
  });

  test('one that was refused leaves no trace: the user goes with the last of the others', async () => {
    const [a, b] = await openTwo();
    await b.presence.watch('17');
    await a.presence.join('17', socketOf(a, 'one'), { limit: 1 });
    expect(await a.presence.join('17', socketOf(a, 'two'), { limit: 1 })).toMatchObject({ refused: true });
    expect((await b.presence.sockets('17')).map(({ id }) => id)).toEqual(['one']);
    await a.presence.leave('17', 'one');
    await until('the going', () => b.comings.at(-1)?.online === false, 8_000);
  });

  test('what each socket has confirmed is told on any replica, nothing of one that was served nothing yet', async () => {
    const [a, b] = await openTwo();
    const { epoch } = await a.presence.join('17', socketOf(a, 's1'), { limit });
    await a.presence.join('17', socketOf(a, 's2'), { limit });
    expect(await b.presence.confirmed('17')).toEqual(new Map());
    const cursor = cursorOf({ epoch, seq: 3 });
    await a.presence.confirm([{ user: '17', socketId: 's1', cursor }]);
    expect(await b.presence.confirmed('17')).toEqual(new Map([['s1', cursor]]));
    await a.presence.leave('17', 's1');
    expect(await b.presence.confirmed('17')).toEqual(new Map());
  });

  test('a lost socket’s cursor is found once, by its own browser, on any replica', async () => {
    const [a, b] = await openTwo();
    const kept = await lose(a, 'old', 7);
    expect(await comeBack(b, 'stranger', ['s:two'])).toBeUndefined();
    expect(await comeBack(b, 'new')).toEqual(kept);
    expect(await comeBack(a, 'newer')).toBeUndefined();
  });

  test('a socket that asks again, since it did not hear the answer, is told the same', async () => {
    const [a] = await openTwo();
    const kept = await lose(a, 'old', 7);
    expect(await comeBack(a, 'new')).toEqual(kept);
    expect(await a.presence.reclaim('17', ['s:one'], 'new')).toEqual(kept);
    await a.presence.lend('17', 'new');
    expect(await a.presence.reclaim('17', ['s:one'], 'new')).toEqual(kept);
  });

  test('one of which nobody knows whether it went on purpose is found by who asks for such', async () => {
    const [a, b] = await openTwo();
    const old = socketOf(a, 'old', ['s:one']);
    const { epoch, mayContinue } = await a.presence.join('17', old, { limit });
    const cursor = cursorOf({ epoch, seq: 7 });
    await a.presence.leave('17', 'old', { cursor, shown: [], as: { ...old, browser: unclear(old.browser) } });
    const joined = await b.presence.join('17', socketOf(b, 'new', ['s:one']), { limit });
    expect([mayContinue, joined.mayContinue]).toEqual([false, true]);
    expect(await b.presence.reclaim('17', ['s:one'], 'new')).toBeUndefined();
    expect(await b.presence.reclaim('17', unclear(['s:two']), 'new')).toBeUndefined();
    expect(await b.presence.reclaim('17', unclear(['s:one']), 'new')).toEqual({ cursor, shown: [] });
    await a.presence.join('17', socketOf(a, 'newer', ['s:one']), { limit });
    expect(await a.presence.reclaim('17', unclear(['s:one']), 'newer')).toBeUndefined();
  });

  test('a clean leave keeps nothing', async () => {
    const [a, b] = await openTwo();
    await a.presence.join('17', socketOf(a, 'old', ['s:one']), { limit });
    await a.presence.leave('17', 'old');
    expect(await comeBack(b, 'new')).toBeUndefined();
  });

  test('of two tabs lost together both are served from the lower cursor', async () => {
    const [a, b] = await openTwo();
    const lower = await lose(a, 'first', 5);
    await lose(b, 'second', 9);
    expect(await comeBack(a, 'one')).toEqual(lower);
    expect(await comeBack(b, 'other')).toEqual(lower);
    expect(await comeBack(b, 'third')).toBeUndefined();
  });

  test('whoever retires a socket leaves behind what that one has confirmed', async () => {
    const [a, b] = await openTwo();
    const { epoch } = await a.presence.join('17', socketOf(a, 'old', ['s:one']), { limit });
    await a.presence.confirm([{ user: '17', socketId: 'old', cursor: cursorOf({ epoch, seq: 3 }) }]);
    await b.presence.leave('17', 'old', true);
    expect(await comeBack(b, 'new')).toEqual({ cursor: cursorOf({ epoch, seq: 3 }), shown: [] });
    expect(await a.presence.sockets('17')).toHaveLength(1);
  });

  test('a socket that has left meanwhile takes nothing', async () => {
    const [a, b] = await openTwo();
    const kept = await lose(a, 'old', 7);
    await a.presence.join('17', socketOf(a, 'flapping', ['s:one']), { limit });
    await b.presence.leave('17', 'flapping', true);
    expect(await a.presence.reclaim('17', ['s:one'], 'flapping')).toBeUndefined();
    expect(await comeBack(b, 'new')).toEqual(kept);
  });

  test('one that was lost before it was served uses up nothing of its tab’s', async () => {
    const [a, b] = await openTwo();
    const kept = await lose(a, 'old', 7);
    await a.presence.join('17', socketOf(a, 'flapping', ['s:one']), { limit });
    await a.presence.leave('17', 'flapping', true);
    expect(await comeBack(b, 'new')).toEqual(kept);
    const later = await lose(b, 'new', 9);
    expect(await comeBack(a, 'newer')).toEqual(later);
  });

  test('one that was lost while it waited for another of its browser leaves nothing behind', async () => {
    const [a, b] = await openTwo();
    const lower = await lose(a, 'first', 5);
    await lose(b, 'second', 9);
    await a.presence.join('17', socketOf(a, 'flapping', ['s:one']), { limit });
    await a.presence.waits('17', 'flapping');
    await b.presence.leave('17', 'flapping', true);
    expect(await comeBack(a, 'one')).toEqual(lower);
    expect(await comeBack(b, 'other')).toEqual(lower);
    const later = await lose(b, 'other', 20);
    expect(await comeBack(a, 'again')).toEqual(later);
  });

  test('what a newly loaded page took is there for the tab it was kept for, as long as the page is', async () => {
    const [a, b] = await openTwo();
    const kept = await lose(a, 'old', 7);
    expect(await comeBack(b, 'loaded')).toEqual(kept);
    await b.presence.lend('17', 'loaded');
    expect(await comeBack(a, 'tab')).toEqual(kept);
    await a.presence.lend('17', 'tab');
    await a.presence.leave('17', 'tab');
    expect(await comeBack(b, 'third')).toBeUndefined();
  });

  test('what was shown early is handed on only if every lost tab was shown it', async () => {
    const [a, b] = await openTwo();
    const { epoch } = await a.presence.join('17', socketOf(a, 'first', ['s:one']), { limit });
    await b.presence.join('17', socketOf(b, 'second', ['s:one']), { limit });
    const cursor = cursorOf({ epoch, seq: 1 });
    await a.presence.leave('17', 'first', { cursor, shown: ['m\0 1', 'm\0 2'] });
    await b.presence.leave('17', 'second', { cursor, shown: ['m\0 2', 'm\0 3'] });
    expect(await comeBack(a, 'one')).toEqual({ cursor, shown: ['m\0 2'] });
    expect(await comeBack(b, 'other')).toEqual({ cursor, shown: ['m\0 2'] });
  });

  test('devices given together to one kind of browser count as one', async () => {
    const [a, b] = await openTwo();
    const device = (given: number, agent: string) => [`d:${given.toString(36).padStart(8, '0')}${agent}rest-${given}`];
    const now = Date.now();
    const kept = await lose(a, 'old', 7, device(now, 'aaaaaa'));
    expect(await comeBack(b, 'phone', device(now + 2_000, 'bbbbbb'))).toBeUndefined();
    expect(await comeBack(b, 'later', device(now + 60_000, 'aaaaaa'))).toBeUndefined();
    expect(await comeBack(b, 'same', device(now + 2_000, 'aaaaaa'))).toEqual(kept);
  });

  test('a watcher is told of the first coming at once, and of the last going 5 s after', async () => {
    const [a, b] = await openTwo();
    await b.presence.watch('17');
    await a.presence.join('17', socketOf(a, 'one'), { limit });
    await until('the coming', () => b.comings.length === 1);
    await a.presence.join('17', socketOf(a, 'two'), { limit });
    await a.presence.leave('17', 'one');
    await a.presence.leave('17', 'two');
    const left = Date.now();
    const [seen] = await a.presence.lookup(['17']);
    expect(seen?.lastSeen).toBeGreaterThan(left - 2_000);
    await until('the going', () => b.comings.length === 2, 8_000);
    expect(Date.now() - left).toBeGreaterThan(4_500);
    expect(b.comings).toMatchObject([
      { user: '17', online: true },
      { user: '17', online: false, lastSeen: seen?.lastSeen },
    ]);
  });

  test('a reload is no going, and who does not watch any more is told nothing', async () => {
    const [a, b] = await openTwo();
    await a.presence.watch('17');
    await b.presence.watch('17');
    await a.presence.join('17', socketOf(a, 'one'), { limit });
    await a.presence.leave('17', 'one');
    await b.presence.unwatch('17');
    await a.presence.join('17', socketOf(a, 'two'), { limit });
    await a.presence.leave('17', 'two');
    await until('the going', () => a.comings.at(-1)?.online === false, 8_000);
    // who asked in the middle of the reload was told that the user is gone, so that the return is told again
    expect(a.comings.map(({ online }) => online)).toEqual([true, true, false]);
    expect(b.comings.map(({ online }) => online)).toEqual([true]);
  });
});

describe.each([
  ['in memory', openTwoInMemory],
  ['over Redis', openTwoOverRedis],
])('routes %s', (_, openTwo) => {
  test('replicas know each other and answer each other', async () => {
    const [a, b] = await openTwo();
    expect((await a.routes.replicas()).map(({ id, self }) => [id, self]).sort()).toEqual(
      [
        [a.replica, true],
        [b.replica, false],
      ].sort(),
    );
    b.answer = async (question) => ({ asked: question });
    expect(await a.routes.ask(b.replica, { kind: 'x', text: 'ä"' })).toEqual({ asked: { kind: 'x', text: 'ä"' } });
  });

  test('one that closes is gone at once', async () => {
    const [a, b] = await openTwo();
    await a.presence.join('17', socketOf(a, 'tab'), { limit });
    await a.presence.watch('17');
    await a.presence.unwatch('17');
    await a.presence.leave('17', 'tab');
    await a.close();
    expect((await b.routes.replicas()).map(({ id }) => id)).toEqual([b.replica]);
  });

  test('each replica knows how busy the others said they are', async () => {
    const [a, b] = await openTwo();
    b.busyAs = { ...b.busyAs, sockets: 17, busy: 0.5 };
    const seen = async () => (await a.routes.replicas()).find(({ id }) => id === b.replica)?.load;
    await until('the next renewal', async () => (await seen())?.sockets === 17);
    expect(await seen()).toEqual(b.busyAs);
  });

  test('one that is not there, or does not answer within 2.5 s, has no answer', async () => {
    const [a, b] = await openTwo();
    expect(await a.routes.ask('nobody', 'are you there?')).toBeUndefined();
    b.answer = () => new Promise(() => undefined);
    const asked = performance.now();
    expect(await a.routes.ask(b.replica, 'are you there?')).toBeUndefined();
    expect(performance.now() - asked).toBeGreaterThan(2_300);
  });
});

describe.each([
  ['in memory', openTwoInMemory],
  ['over Redis', openTwoOverRedis],
])('what is known of people %s', (_, openTwo) => {
  test('the members of a conversation, and the conversations of a user, follow what was said last', async () => {
    const [a, b] = await openTwo();
    const learn = async (store: Store, conversation: string, members: Members) =>
      store.conversations.learn(conversation, members, await store.conversations.members(conversation));
    await learn(a, '5', { members: ['3', '17'], source: 'notify', at: 1 });
    await learn(a, '6', { members: ['3'], source: 'notify', at: 1 });
    await learn(b, '5', { members: ['3', '42'], source: 'notify', at: 2 });
    await learn(a, '5', { members: ['3', '42'], source: 'notify', at: 3 });
    expect(await b.conversations.members('5')).toMatchObject({ members: ['3', '42'], source: 'notify' });
    await learn(b, '5', { members: ['3', '42'], source: 'backend', at: 2 });
    expect(await a.conversations.members('5')).toEqual({ members: ['3', '42'], source: 'backend', at: 2 });
    expect(await a.conversations.members('7')).toBeUndefined();
    const of = await b.conversations.of(['3', '17', '42', '99']);
    expect(of.map((known) => [...known].sort())).toEqual([['5', '6'], [], ['5'], []]);
  });

  test('whoever writes the members of a conversation tells the other replicas, and once they can be read', async () => {
    const [a, b] = await openTwo();
    const members: Members = { members: ['3', '17'], source: 'notify', at: Date.now() };
    await a.conversations.learn('5', members, undefined);
    await until('the other replica to be told', () => b.written.length > 0);
    await b.conversations.learn('6', members, undefined);
    await until('the other way', () => a.written.length > 0);
    expect([a.written, b.written]).toEqual([['6'], ['5']]);
  });

  test('a device stands for whom it was bound to last', async () => {
    const [a, b] = await openTwo();
    expect(await a.devices.user('device')).toBeUndefined();
    await a.devices.bind('device', '17');
    await b.devices.bind('device', '42');
    expect(await a.devices.user('device')).toBe('42');
  });

  const said = (id: string, text = 'ok', more: { conversation?: string; client?: string } = {}) => {
    return { id, text, conversation: '5', client: '', ...more };
  };

  test('the k-th emit and the k-th notify of the same are one message, in either order', async () => {
    const [a, b] = await openTwo();
    expect(await a.pairs.emit('3', said('e1'))).toEqual({ id: 'e1', first: true });
    expect(await a.pairs.emit('3', said('e2'))).toEqual({ id: 'e2', first: true });
    expect(await b.pairs.notify('3', said('n1'))).toBe('e1');
    expect(await b.pairs.notify('3', said('n2'))).toBe('e2');
    expect(await b.pairs.notify('3', said('n3'))).toBeUndefined();
    expect(await a.pairs.emit('3', said('e3'))).toEqual({ id: 'n3', first: false });
  });

  test('a notify that is repeated is told the same and uses up nothing', async () => {
    const [a, b] = await openTwo();
    await a.pairs.emit('3', said('e1'));
    await a.pairs.emit('3', said('e2'));
    expect(await a.pairs.notify('3', said('n1'))).toBe('e1');
    expect(await b.pairs.notify('3', said('n1'))).toBe('e1');
    expect(await b.pairs.notify('3', said('n2'))).toBe('e2');
  });

  test('what the last 200 notifies of a sender were told is known, of those before no longer', async () => {
    const [a, b] = await openTwo();
    for (const id of ['e1', 'e2']) await a.pairs.emit('3', said(id));
    expect(await a.pairs.notify('3', said('n1'))).toBe('e1');
    expect(await b.pairs.notify('3', said('n2'))).toBe('e2');
    for (let number = 3; number <= 201; number += 1) await a.pairs.notify('3', said(`n${number}`, `text ${number}`));
    expect(await b.pairs.notify('3', said('n2'))).toBe('e2');
    expect(await b.pairs.notify('3', said('n1'))).toBeUndefined();
  });

  test('another text, conversation or sender is another message; the page’s own id decides where both have one', async () => {
    const [a, b] = await openTwo();
    await a.pairs.emit('3', said('e1', 'ok', { client: 'c1' }));
    expect(await b.pairs.notify('4', said('n1'))).toBeUndefined();
    expect(await b.pairs.notify('3', said('n2', 'no'))).toBeUndefined();
    expect(await b.pairs.notify('3', said('n3', 'ok', { conversation: '6' }))).toBeUndefined();
    expect(await b.pairs.notify('3', said('n4', 'ok', { client: 'c2' }))).toBeUndefined();
    expect(await b.pairs.notify('3', said('n5', 'changed by PHP', { client: 'c1' }))).toBe('e1');
  });
});
