import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, farApi, newId, newUser, type Site } from '../../support/deployment.js';
import { type Answer, type FakeBackend, startFakeBackend } from '../../support/fake-backend.js';
import { clientToken } from '../../support/tokens.js';

const EVENTS = [
  'get_conversation',
  'get_messages',
  'getUnreadCount',
  'getUnreadConversations',
  'getConversationParticipants',
  'getAllConversations',
  'search_users',
  'mark_messages_read',
];

describe.each(DEPLOYMENTS)('page events that PHP answers (%s)', (deployment) => {
  let backend: FakeBackend;
  let site: Site;
  beforeAll(async () => {
    backend = await startFakeBackend();
    site = await deploy(deployment, { RELAY_BACKEND_URL: backend.url });
  });
  beforeEach(() => {
    backend.answer = () => ({});
  });

  const page = (user: string, relay = site.far) => connectAs(relay, clientToken(user));

  test.each(EVENTS)('%s is handed over with the user and the data as it came, and answered', async (event) => {
    const user = newUser();
    const data = event.startsWith('getUnread') ? Number(user) : { conversation_id: '5', odd: [1, null, 'ä'] };
    const messages = { success: true, messages: [{ id: 1 }], conversation_id: '5' };
    backend.answer = () => ({ emit: [{ event: `${event}_answer`, data: messages }], ack: { count: 3 } });
    const asking = await page(user);
    const sibling = await page(user);
    expect(await asking.ask(event, data)).toEqual({ count: 3 });
    expect(await asking.next(`${event}_answer`)).toEqual([messages]);
    expect(backend.calls.at(-1)).toEqual({ action: 'event', event, user_id: Number(user), data });
    expect(backend.faults).toEqual([]);
    await site.api.notify({ recipients: [user], event: 'end', message: { id: newId() } });
    await sibling.next('end');
    expect(sibling.all(`${event}_answer`)).toEqual([]);
  });

  test('may be answered to other users, wherever they are, several at once, and not at all', async () => {
    const [ann, ben, cy] = [newUser(), 'ben {of} the "test"', newUser()];
    backend.answer = () => ({
      emit: [
        { event: 'one', data: 1 },
        { event: 'two', data: { a: [] }, to: [Number(cy), ben] },
        { event: 'three', data: null, to: [ann] },
        { event: 'disconnect', data: 'a name of Socket.IO’s own' },
      ],
    });
    const [asking, sibling, other, third] = await Promise.all([
      page(ann),
      page(ann, site.near),
      page(ben),
      page(cy, site.near),
    ]);
    asking.emit('get_messages', {});
    expect(await asking.next('one')).toEqual([1]);
    for (const receiver of [other, third]) expect(await receiver.next('two')).toEqual([{ a: [] }]);
    for (const receiver of [asking, sibling]) expect(await receiver.next('three')).toEqual([null]);
    expect(sibling.all('one')).toEqual([]);
    backend.answer = () => ({ emit: [] });
    asking.emit('get_messages', {});
    await backend.called('event', backend.callsOf('event').length);
    expect(asking.socket.connected).toBe(true);
  });

  test('that are not on the list never reach PHP', async () => {
    const asking = await page(newUser());
    const before = backend.calls.length;
    expect(await asking.ask('delete_everything', {})).toMatchObject({ ok: false });
    await asking.ask('get_messages', {});
    expect(backend.calls).toHaveLength(before + 1);
  });

  test('are told members by PHP, asked once, until a notify names others', async () => {
    const [ann, ben, cy, conversation] = [newUser(), newUser(), newUser(), newId()];
    const named = { conversation_id: Number(conversation), action: 'members' };
    let members = [Number(ann), ben];
    backend.answer = () => ({ members });
    const [from, to, third] = await Promise.all([page(ann), page(ben, site.near), page(cy)]);
    const asked = () =>
      backend.calls.filter((call) => JSON.stringify(call).includes(`"conversation_id":${conversation}`));
    const typing = () => from.ask('typing', { conversation_id: conversation });
    expect(await typing()).toEqual({ ok: true });
    expect(await typing()).toEqual({ ok: true });
    await to.next('user_typing');
    await to.next('user_typing');
    expect(asked()).toEqual([named]);

    members = [Number(ann), ben, cy];
    await site.api.notify({ recipients: [ann, ben], message: { id: newId(), conversation_id: conversation } });
    await typing();
    expect(asked()).toHaveLength(1);
    await site.api.notify({ recipients: [ann, cy], message: { id: newId(), conversation_id: conversation } });
    await typing();
    expect(asked()).toHaveLength(2);
    await third.next('user_typing');
  });

  test.each([
    ['PHP does not know', null],
    ['PHP says nobody is in', []],
    ['PHP says nobody is in whose id can be read', [{}, '']],
  ])('of a conversation that %s are refused, and so is a notify to it', async (_, members) => {
    backend.answer = () => ({ members });
    const asking = await page(newUser());
    const conversation = newId();
    const answer = await asking.ask('typing', { conversation_id: conversation });
    expect(answer).toMatchObject({ ok: false, error: { code: 'unknown_conversation' } });
    const lost = { conversation_id: conversation, message: { id: newId() } };
    for (const body of [lost, { ...lost, event: 'signal', durable: false }]) {
      expect(await site.api.notify(body)).toMatchObject({
        status: 400,
        body: { error: { code: 'unknown_conversation' } },
      });
    }
  });

  test.each<[string, Answer]>([
    ['does not know', () => ({ members: null })],
    ['does not answer for', (_, response) => void response.writeHead(404).end('no such action')],
    ['fails for', (_, response) => void response.writeHead(500).end()],
  ])('of a conversation that PHP %s go to those whom the last notify named', async (_, answer) => {
    const [ann, ben, conversation] = [newUser(), newUser(), newId()];
    backend.answer = answer;
    const [from, to] = [await page(ann), await page(ben)];
    await site.api.notify({ recipients: [ben], sender: ann, message: { id: newId(), conversation_id: conversation } });
    expect(await from.ask('typing', { conversation_id: conversation })).toEqual({ ok: true });
    await to.next('user_typing');
  });

  interface People {
    readonly ann: string;
    readonly ben: string;
    readonly cy: string;
  }
  test.each<[string, (people: People) => object | undefined, (people: People) => string[]]>([
    ['names others', ({ ann, ben }) => ({ members: [ann, ben] }), ({ ann, cy }) => [ann, cy]],
    ['knows nothing of it', () => ({ members: null }), ({ ann, cy }) => [ann, cy]],
    ['fails', () => undefined, ({ ann, cy }) => [ann, cy]],
    ['names those and more', ({ ann, ben, cy }) => ({ members: [ann, ben, cy] }), ({ ann, ben }) => [ann, ben]],
  ])('of a conversation whose people a notify names while PHP, being asked, %s, reach all of them', async (...row) => {
    const [, answerOf, named] = row;
    const people = { ann: newUser(), ben: newUser(), cy: newUser() };
    const conversation = newId();
    const answers: (() => void)[] = [];
    const asked = backend.callsOf('members').length;
    backend.answer = async (_, response) => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return answerOf(people) ?? void response.writeHead(500).end();
    };
    const [from, to] = [await page(people.ann), await page(people.cy)];
    const typing = from.ask('typing', { conversation_id: conversation });
    await backend.called('members', asked + 1);
    const message = { id: newId(), conversation_id: conversation };
    await farApi(site).notify({ recipients: named(people), message });
    for (const answer of answers) answer();
    expect(await typing).toEqual({ ok: true });
    await to.next('user_typing');
  });

  test('of a conversation that everybody has left are refused, also to those who were in it, until somebody is', async () => {
    const [ann, ben, conversation] = [newUser(), newUser(), newId()];
    backend.answer = () => ({ members: [] });
    const from = await page(ann);
    await site.api.notify({ recipients: [ann, ben], message: { id: newId(), conversation_id: conversation } });
    expect(await from.ask('typing', { recipient_id: ben })).toEqual({ ok: true });
    const typing = () => from.ask('typing', { conversation_id: conversation });
    expect(await typing()).toMatchObject({ ok: false, error: { code: 'unknown_conversation' } });
    expect(await from.ask('typing', { recipient_id: ben })).toMatchObject({ error: { code: 'not_a_member' } });
    backend.answer = () => ({ members: [ann, ben] });
    expect(await typing()).toEqual({ ok: true });
  });
});

test('RELAY_BACKEND_EVENTS replaces the list', async () => {
  const backend = await startFakeBackend(() => ({ ack: 'asked' }));
  const settings = { RELAY_BACKEND_URL: backend.url, RELAY_BACKEND_EVENTS: 'my_event, other' };
  const { far } = await deploy('one replica in memory', settings);
  const page = await connectAs(far, clientToken(1));
  expect(await page.ask('my_event')).toBe('asked');
  expect(await page.ask('get_messages', {})).toMatchObject({ ok: false });
});
