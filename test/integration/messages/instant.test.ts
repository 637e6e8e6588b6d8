import { beforeAll, describe, expect, test } from 'vitest';
import { type Client, connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, farApi, newId, newUser, type Site } from '../../support/deployment.js';
import { internalApi } from '../../support/internal.js';
import { startRedis } from '../../support/redis.js';
import { startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

describe.each(DEPLOYMENTS)('send_message that is forwarded at once: instant (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment, { RELAY_CLIENT_SEND: 'instant' });
  });

  /** Two people in a conversation that a notify has named, each with a page of their own. */
  async function pair() {
    const [ann, ben, conversation] = [newUser(), newUser(), newId()];
    await site.api.notify({
      recipients: [ben],
      sender: ann,
      message: { id: newId(), conversation_id: conversation, content: 'first' },
    });
    const [from, to] = await Promise.all([
      connectAs(site.near, clientToken(ann)),
      connectAs(site.far, clientToken(ben)),
    ]);
    const row = (content: string, more = {}) => ({
      id: Number(newId()),
      conversation_id: Number(conversation),
      sender_id: Number(ann),
      content,
      ...more,
    });
    const emit = (content: string, more = {}) =>
      from.ask('send_message', { conversation_id: conversation, sender_id: ann, content, ...more });
    const notify = (content: string, more = {}) =>
      farApi(site).notify({ recipients: [ben], message: row(content, more) });
    /** What both saw, up to an end that comes the same way. */
    async function seen(): Promise<[unknown[], unknown[]]> {
      await site.api.notify({ recipients: [ann, ben], event: 'end', message: { id: newId() } });
      await Promise.all([from.next('end'), to.next('end')]);
      const texts = (page: Client, event: string) =>
        page.all(event).map(([data]) => JSON.stringify(data).match(/"content":"(.*?)"/)?.[1]);
      return [texts(to, 'receive_message'), texts(from, 'message_sent')];
    }
    return { ann, ben, conversation, from, to, emit, notify, seen };
  }

  test('reaches the members at once, with the true sender and all that the old page needs', async () => {
    const { ann, from, to, conversation } = await pair();
    const liar = newUser();
    const said = { conversation_id: conversation, sender_id: liar, senderId: liar, from: liar, content: '<b>hi</b>' };
    expect(await from.ask('send_message', said)).toMatchObject({ ok: true });
    const [message] = await to.next('receive_message');
    expect(message).toEqual({
      ...said,
      sender_id: ann,
      senderId: ann,
      from: ann,
      id: expect.any(String),
      sent_at: expect.stringMatching(/^\d{4}-.*T.*Z$/),
      sender_name: '',
      sender_photo: '',
    });
    expect(await from.next('message_sent')).toEqual([{ success: true, message }]);
  });

  test('is one message with the notify that follows, and with one that came before', async () => {
    const { emit, notify, seen } = await pair();
    await emit('emit first');
    expect((await notify('emit first')).body).toMatchObject({ duplicate: true });
    await notify('notify first');
    await emit('notify first');
    const shown = ['emit first', 'notify first'];
    expect(await seen()).toEqual([shown, shown]);
  });

  test('stays two where the same was said twice, in whatever order the four come', async () => {
    const { emit, notify, seen } = await pair();
    await emit('ok');
    await emit('ok');
    await notify('ok');
    await notify('ok');
    await notify('yes');
    await emit('yes');
    await emit('yes');
    await notify('yes');
    const shown = ['ok', 'ok', 'yes', 'yes'];
    expect(await seen()).toEqual([shown, shown]);
  });

  test('is paired by client_id where both carry one, whatever the text', async () => {
    const { emit, notify, seen } = await pair();
    await emit('<b>hi</b>', { client_id: 'c1' });
    await notify('hi', { client_id: 'c1' });
    await notify('<b>hi</b>', { client_id: 'c2' });
    expect(await seen()).toEqual([
      ['<b>hi</b>', '<b>hi</b>'],
      ['<b>hi</b>', '<b>hi</b>'],
    ]);
  });

  test('may be a JSON string, and name a person who shares a conversation', async () => {
    const { ben, from, to } = await pair();
    for (const field of [
      'recipient_id',
      'recipientId',
      'receiver_id',
      'receiverId',
      'recipient',
      'receiver',
      'to',
      'toID',
    ]) {
      const said = JSON.stringify({ [field]: ben, content: field });
      expect(await from.ask('send_message', said)).toMatchObject({ ok: true });
      expect(await to.next('receive_message')).toMatchObject([{ content: field }]);
    }
    expect(await from.ask('send_message', { recipients: [ben], text: 'list' })).toMatchObject({ ok: true });
    expect(await to.next('receive_message')).toMatchObject([{ text: 'list' }]);
    expect(await from.ask('send_message', { to_user_id: ben, text: 'last' })).toMatchObject({ ok: true });
    expect(await to.next('receive_message')).toMatchObject([{ text: 'last' }]);
  });

  test('is refused to strangers, outsiders, and in unknown conversations', async () => {
    const { ben, conversation, seen } = await pair();
    const outsider = await connectAs(site.far, clientToken(newUser()));
    const refused = (code: string) => ({ ok: false, error: { code, message: expect.any(String) } });
    const ask = (payload: object) => outsider.ask('send_message', { content: 'x', ...payload });
    expect(await ask({ conversation_id: conversation })).toEqual(refused('not_a_member'));
    expect(await ask({ recipient_id: ben })).toEqual(refused('not_a_member'));
    expect(await ask({ conversation_id: newId() })).toEqual(refused('unknown_conversation'));
    expect(await ask({})).toEqual(refused('unknown_conversation'));
    expect(await seen()).toEqual([[], []]);
  });

  test('is handled one after the other for one socket', async () => {
    const { emit, seen } = await pair();
    const texts = Array.from({ length: 20 }, (_, index) => `number ${index}`);
    await Promise.all(texts.map((text) => emit(text)));
    expect(await seen()).toEqual([texts, texts]);
  });

  test('is replayed to its sender as message_sent', async () => {
    const { ann, from, emit } = await pair();
    const { cursor } = from.registered as { cursor: string };
    await emit('kept');
    const back = await connectAs(site.far, clientToken(ann), { auth: { cursor } });
    expect(await back.next('message_sent')).toMatchObject([{ success: true, message: { content: 'kept' } }, {}]);
  });
});

test('without its Redis a relay shows a notify all the same, unless the page has had it by the emit, and nothing twice after', async () => {
  const redis = await startRedis({ appendonly: true });
  const relay = await startRelay({ RELAY_CLIENT_SEND: 'instant', RELAY_REDIS_URL: redis.url });
  const [ann, ben, conversation] = [newUser(), newUser(), newId()];
  const row = (content: string) => ({ id: newId(), conversation_id: conversation, sender_id: ann, content });
  const notify = (message: object) => internalApi(relay).notify({ recipients: [ben], message });
  await notify(row('first'));
  const [from, to] = await Promise.all([ann, ben].map((user) => connectAs(relay, clientToken(user))));
  const [completed, emitted] = [row('completed'), row('emitted')];
  for (const { content } of [completed, emitted])
    expect(await from?.ask('send_message', { conversation_id: conversation, content })).toMatchObject({ ok: true });
  expect((await notify(completed)).body).toMatchObject({ duplicate: true });

  await redis.stop();
  const meanwhile = row('meanwhile');
  for (const message of [completed, emitted, meanwhile, meanwhile])
    expect(await notify(message)).toMatchObject({ status: 503, body: { error: { code: 'store_unavailable' } } });
  const texts = (page: Client | undefined, event: string) =>
    page?.all(event).map(([data]) => JSON.stringify(data).match(/"content":"(.*?)"/)?.[1]);
  await until('it to be shown', () => texts(to, 'receive_message')?.includes('meanwhile'));

  await redis.start();
  for (const message of [emitted, meanwhile, row('after')])
    await until('it to be taken', async () => (await notify(message)).status === 200, 15_000);
  await until('the last to be shown', () => texts(from, 'message_sent')?.includes('after'));
  const shown = ['completed', 'emitted', 'meanwhile', 'after'];
  expect([texts(to, 'receive_message'), texts(from, 'message_sent')]).toEqual([shown, shown]);
}, 60_000);
