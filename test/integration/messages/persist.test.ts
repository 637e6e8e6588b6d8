import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Client, connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { type BackendCall, type FakeBackend, startFakeBackend } from '../../support/fake-backend.js';
import { startRedis } from '../../support/redis.js';
import { startRelay } from '../../support/relay.js';
import { frame, openRawWebSocket } from '../../support/tcp.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

describe.each(DEPLOYMENTS)('send_message that the backend persists: persist (%s)', (deployment) => {
  let site: Site;
  let backend: FakeBackend;
  beforeAll(async () => {
    backend = await startFakeBackend();
    const env = { RELAY_CLIENT_SEND: 'persist', RELAY_BACKEND_URL: backend.url, RELAY_EVENT_RATE: 100 };
    site = await deploy(deployment, env);
  });
  beforeEach(() => {
    backend.answer = row;
  });

  const row = ({ user_id, data }: BackendCall) => {
    const said = data as { content: string; recipient_id?: string; conversation_id: string };
    const message = {
      id: Number(newId()),
      conversation_id: Number(said.conversation_id),
      sender_id: user_id,
      sender_name: 'Ann',
      content: said.content,
      sent_at: '2025-05-28 10:00:00',
    };
    return { message, recipients: [Number(said.recipient_id), user_id] };
  };

  test('goes to PHP under the true sender, and what PHP answers is delivered on every replica', async () => {
    const [ann, ben] = [newUser(), newUser()];
    const [from, second] = await Promise.all([site.near, site.far].map((relay) => connectAs(relay, clientToken(ann))));
    const to = await connectAs(site.far, clientToken(ben));
    const said = { conversation_id: '5', sender_id: newUser(), recipient_id: ben, content: '<b>hi</b>' };
    expect(await from?.ask('send_message', said)).toMatchObject({ ok: true });
    const call = backend.callsOf('send_message').at(-1);
    expect(call).toEqual({ action: 'send_message', user_id: Number(ann), data: { ...said, sender_id: ann } });
    expect(backend.faults).toEqual([]);
    const [message] = await to.next('receive_message');
    expect(message).toEqual({
      id: expect.any(Number),
      conversation_id: 5,
      sender_id: Number(ann),
      sender_name: 'Ann',
      content: '<b>hi</b>',
      sent_at: expect.stringMatching(/^2025-05-28T10:00:00.*Z$/),
    });
    for (const tab of [from, second]) expect(await tab?.next('message_sent')).toEqual([{ success: true, message }]);
  });

  test('that PHP refuses is told to the page in PHP’s words, and reaches nobody', async () => {
    backend.answer = () => ({ error: 'You left this conversation' });
    const page = await connectAs(site.far, clientToken(newUser()));
    const answer = await page.ask('send_message', { conversation_id: 5, content: 'hi' });
    expect(answer).toMatchObject({ ok: false, error: { code: 'backend_refused' } });
    expect(await page.next('message_sent')).toEqual([{ success: false, error: 'You left this conversation' }]);
  });

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['a message without recipients', { message: { id: 1 } }],
    ['recipients without a message', { recipients: [1] }],
  ])('that PHP answers with %s is refused', async (_, answer) => {
    backend.answer = () => answer;
    const page = await connectAs(site.far, clientToken(newUser()));
    expect(await page.ask('send_message', { content: 'hi' })).toMatchObject({ ok: false });
    expect(await page.next('message_sent')).toEqual([{ success: false, error: expect.any(String) }]);
  });

  test('and the notify that PHP sends as well are one message', async () => {
    const [ann, ben] = [newUser(), newUser()];
    const to = await connectAs(site.far, clientToken(ben));
    const from = await connectAs(site.near, clientToken(ann));
    await from.ask('send_message', { conversation_id: 5, recipient_id: ben, content: 'hi' });
    const [message] = await to.next('receive_message');
    const { body } = await site.api.notify({ recipients: [ben], message: message as object });
    expect(body).toMatchObject({ duplicate: true });
    await site.api.notify({ recipients: [ben], event: 'end', message: { id: newId() } });
    await to.next('end');
    expect(to.all('receive_message')).toHaveLength(1);
  });

  test('of one socket are handled one after the other', async () => {
    const held: (() => void)[] = [];
    backend.answer = async (call) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return row(call);
    };
    const [ann, ben] = [newUser(), newUser()];
    const [from, to] = [await connectAs(site.far, clientToken(ann)), await connectAs(site.near, clientToken(ben))];
    for (const content of ['one', 'two', 'three']) from.emit('send_message', { recipient_id: ben, content });
    for (const content of ['one', 'two', 'three']) {
      const next = await until('the next call', () => held.length > 0 && held);
      expect(next).toHaveLength(1);
      next.pop()?.();
      expect(await to.next('receive_message')).toMatchObject([{ content }]);
    }
  });

  test('wait for slow PHP in a bounded number, and those that do get there, also after their page has gone', async () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    backend.answer = async (call) => {
      await opened;
      return row(call);
    };
    const [ann, ben] = [newUser(), newUser()];
    const [from, to] = [await connectAs(site.far, clientToken(ann)), await connectAs(site.near, clientToken(ben))];
    const contents = Array.from({ length: 128 }, (_, number) => `text ${number}`);
    for (const content of contents) from.emit('send_message', { recipient_id: ben, content });
    const refused = await from.ask('send_message', { recipient_id: ben, content: 'one too many' });
    expect(refused).toMatchObject({ ok: false, error: { code: 'rate_limited' } });
    expect(await from.next('message_sent')).toEqual([{ success: false, error: expect.any(String) }]);
    from.close();
    open();
    await until('all others', () => to.all('receive_message').length >= contents.length);
    expect(to.all('receive_message').map(([message]) => (message as { content: string }).content)).toEqual(contents);
  });
});

test('messages that PHP persisted while Redis was away are shown here at once, and elsewhere once it is back', async () => {
  const redis = await startRedis();
  const [ann, ben] = [newUser(), newUser()];
  const backend = await startFakeBackend(({ data }) => ({
    message: { ...(data as object), id: newId() },
    recipients: [ben],
  }));
  const env = { RELAY_REDIS_URL: redis.url, RELAY_CLIENT_SEND: 'persist', RELAY_BACKEND_URL: backend.url };
  const [near, far] = await Promise.all([startRelay(env), startRelay(env)]);
  const [from, here, there] = [
    await connectAs(near, clientToken(ann)),
    await connectAs(near, clientToken(ben)),
    await connectAs(far, clientToken(ben, { expiresIn: 61 })),
  ];
  const texts = ['one', 'two', 'three'];
  await redis.stop();
  for (const content of texts) {
    expect(await from.ask('send_message', { recipient_id: ben, content })).toMatchObject({ ok: true });
    expect(await here.next('receive_message')).toMatchObject([{ content }]);
  }
  await redis.start();
  for (const content of texts) expect(await there.next('receive_message', 15_000)).toMatchObject([{ content }]);
  expect(await from.ask('send_message', { recipient_id: ben, content: 'after' })).toMatchObject({ ok: true });
  for (const page of [here, there]) expect(await page.next('receive_message')).toMatchObject([{ content: 'after' }]);
  expect(here.all('receive_message')).toHaveLength(4);
}, 60_000);

test('of what PHP persisted while Redis was away a thousand messages wait, and one more is refused', async () => {
  const redis = await startRedis();
  const backend = await startFakeBackend(({ data }) => ({
    message: { ...(data as object), id: newId() },
    recipients: [],
  }));
  const env = { RELAY_REDIS_URL: redis.url, RELAY_CLIENT_SEND: 'persist', RELAY_BACKEND_URL: backend.url };
  const relay = await startRelay({ ...env, RELAY_EVENT_RATE: 1_000 });
  const pages = await Promise.all(Array.from({ length: 10 }, () => connectAs(relay, clientToken(newUser()))));
  const last = await connectAs(relay, clientToken(newUser()));
  await redis.stop();
  const said = { conversation_id: 5, content: 'hi' };
  const answers: unknown[] = [];
  const send = (page: Client) => page.emit('send_message', said, (answer: unknown) => answers.push(answer));
  for (const page of pages) for (let count = 0; count < 100; count += 1) send(page);
  await until('an answer to each', () => answers.length === 1_000, 30_000);
  for (const answer of answers) expect(answer).toMatchObject({ ok: true });
  const oneMore = () => last.ask('send_message', said);
  expect(await oneMore()).toMatchObject({ ok: false, error: { code: 'store_unavailable' } });
  await redis.start();
  await until('room again', async () => ((await oneMore()) as { ok: boolean }).ok, 20_000);
}, 60_000);

test('what PHP is persisting for a replica that stops is delivered by it, with what waited behind it', async () => {
  const [ann, ben] = [newUser(), newUser()];
  const answers: (() => void)[] = [];
  const backend = await startFakeBackend(async ({ data }) => {
    await new Promise<void>((resolve) => answers.push(resolve));
    return { message: { ...(data as object), id: newId() }, recipients: [ben] };
  });
  const env = { RELAY_CLIENT_SEND: 'persist', RELAY_BACKEND_URL: backend.url };
  const site = await deploy('two replicas over Redis', env);
  const [from, to] = [await connectAs(site.near, clientToken(ann)), await connectAs(site.far, clientToken(ben))];
  const gone = from.disconnected();
  for (const content of ['one', 'two']) from.emit('send_message', { recipient_id: ben, content });
  await backend.called('send_message');
  await until('the second to be here', async () => (await from.ask('watch_presence', [])) !== undefined);
  site.near.signal('SIGTERM');
  await gone;
  await site.near.log('that it waits', ({ msg }) => msg === 'stopping: messages of pages are under way');
  for (const content of ['one', 'two']) {
    (await until(`PHP to be asked for ${content}`, () => answers.shift()))();
    expect(await to.next('receive_message')).toMatchObject([{ content }]);
  }
  expect(await site.near.exited).toMatchObject({ code: 0 });
});

test('what a page sends while it is registered again is handed to PHP also when it goes before it is', async () => {
  const user = newUser();
  const backend = await startFakeBackend(({ data }) => ({
    message: { ...(data as object), id: newId() },
    recipients: [],
  }));
  const relay = await startRelay({ RELAY_CLIENT_SEND: 'persist', RELAY_BACKEND_URL: backend.url });
  const token = clientToken(user);
  const open = async () => {
    const page = await openRawWebSocket(relay.url, '/socket.io/?EIO=4&transport=websocket');
    page.write(frame(`40${JSON.stringify({ token })}`));
    await until('the connect', () => page.received.includes('40{'));
    return page;
  };
  const mute = await open();
  await until('its registration', () => mute.received.includes('["registered"'));
  const back = await open();
  await until('the question whether the old one is alive', () => mute.received.includes('\x81\x012'));
  back.write(frame('42["send_message",{"recipient_id":5,"content":"hi"}]'));
  back.write(frame('', { opcode: 8 }));
  await back.closed;
  expect(await backend.called('send_message')).toMatchObject({ data: { content: 'hi' } });
});
