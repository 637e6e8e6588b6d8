import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { connect, connectAs, open } from '../../support/client.js';
import { newId, newUser } from '../../support/deployment.js';
import { startFakeBackend } from '../../support/fake-backend.js';
import { internalApi } from '../../support/internal.js';
import { openRawPage } from '../../support/raw-page.js';
import { startRedis } from '../../support/redis.js';
import { startRedisLine } from '../../support/redis-line.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { frame, openRawWebSocket } from '../../support/tcp.js';
import { onTeardown } from '../../support/teardown.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

test('without its Redis a relay is unready and says 503, shows what it can, and nothing twice once all is back', async () => {
  const redis = await startRedis({ appendonly: true });
  const relay = await startRelay({ RELAY_REDIS_URL: redis.url });
  const api = internalApi(relay);
  const ready = async () => (await fetch(`${relay.internalUrl}/health/ready`)).status;
  const user = newUser();
  const page = await connectAs(relay, clientToken(user));

  await redis.stop();
  const message = { id: newId(), content: 'meanwhile' };
  const { status, headers, body } = await api.notify({ recipients: [user], message });
  expect([status, body]).toMatchObject([503, { error: { code: 'store_unavailable' } }]);
  expect(headers.get('retry-after')).toMatch(/^\d+$/);
  expect(await page.next('receive_message')).toEqual([message]);
  await until('readiness to turn red', async () => (await ready()) === 503, 15_000);
  const why = await (await fetch(`${relay.internalUrl}/health/ready`)).json();
  expect(why).toMatchObject({ reason: expect.stringMatching(/\w/) });
  expect((await fetch(`${relay.internalUrl}/health/live`)).status).toBe(200);

  await redis.start();
  await until('readiness to come back', async () => (await ready()) === 200, 15_000);
  const again = await until('the retry to be taken', async () => {
    const answer = await api.notify({ recipients: [user], message });
    return answer.status === 200 && answer.body;
  });
  expect(again).toMatchObject({ delivered: [user] });
  await api.notify({ recipients: [user], message: { id: newId(), content: 'after' } });
  expect(await page.next('receive_message')).toMatchObject([{ content: 'after' }]);
  expect(page.all('receive_message')).toHaveLength(2);
  expect(page.all('registered')).toHaveLength(1);
}, 60_000);

test('a relay whose Redis takes no writes is unready, told why, and ready again once it takes them', async () => {
  const redis = await startRedis();
  const relay = await startRelay({ RELAY_REDIS_URL: redis.url });
  const admin = new Redis(redis.url);
  onTeardown(() => admin.disconnect());
  const ready = async () => {
    const answer = await fetch(`${relay.internalUrl}/health/ready`);
    return { status: answer.status, body: await answer.json() };
  };
  const notify = () => internalApi(relay).notify({ recipients: [newUser()], message: { id: newId() } });
  // full: what is published, and so a probe, still comes through
  await admin.config('SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction');
  const red = await until('readiness to turn red', async () => {
    const seen = await ready();
    return seen.status === 503 && seen;
  });
  expect(red.body).toEqual({
    status: 'unready',
    reason: expect.stringMatching(/^store: Redis takes no writes: OOM command not allowed/),
  });
  expect((await notify()).status).toBe(503);
  const metrics = await (await fetch(`${relay.internalUrl}/metrics`)).text();
  expect(metrics).toMatch(/^relay_store_up 0$/m);

  await admin.config('SET', 'maxmemory', '0');
  await until('readiness to come back', async () => (await ready()).status === 200);
  expect((await notify()).status).toBe(200);
});

test('what is refused while Redis is away is refused as ever, and the relay lives on', async () => {
  const redis = await startRedis();
  const relay = await startRelay({ RELAY_REDIS_URL: redis.url });
  await redis.stop();
  const tooLong = { id: newId(), conversation_id: newId(), content: 'x'.repeat(70_000) };
  const { status, body } = await internalApi(relay).notify({ recipients: [newUser()], message: tooLong });
  expect([status, body]).toMatchObject([413, { error: { code: 'payload_too_large' } }]);
  // longer than a command waits for a Redis that is away
  await until('readiness to turn red', async () => !(await fetch(`${relay.internalUrl}/health/ready`)).ok, 20_000);
  const { status: then } = await internalApi(relay).notify({ recipients: [newUser()], message: { id: newId() } });
  expect(then).toBe(503);
}, 60_000);

/** A page on one relay, and messages to it that another, or the same, is given until it takes them. */
async function pageOn(relay: Relay, through = relay) {
  const user = newUser();
  const page = await connectAs(relay, clientToken(user));
  const sent: string[] = [];
  const shown = () => page.all('receive_message').map(([message]) => (message as { id: string }).id);
  const taken = async (id: string) =>
    (await internalApi(through).notify({ recipients: [user], message: { id } })).status === 200;
  return {
    sent,
    shown,
    async send() {
      const id = newId();
      await until('it to be taken', () => taken(id), 15_000);
      sent.push(id);
    },
    allShown: () => until('all to be shown', () => shown().length >= sent.length, 15_000),
  };
}

test('what Redis refuses to keep is told in the log in its words, and without the message', async () => {
  const redis = await startRedis();
  const relay = await startRelay({ RELAY_REDIS_URL: redis.url });
  const admin = new Redis(redis.url);
  onTeardown(() => admin.disconnect());
  await admin.config('SET', 'min-replicas-to-write', 1);
  const message = { id: newId(), text: 'for two only' };
  const { status, body } = await internalApi(relay).notify({ recipients: [newUser()], message });
  expect([status, body]).toMatchObject([503, { error: { code: 'store_unavailable' } }]);
  const line = JSON.stringify(await relay.log('the refusal', ({ msg }) => msg === 'refused'));
  expect(line).toMatch(/NOREPLICAS.*"name":"eval/);
  expect(line).not.toContain(message.text);
});

test('what is taken by a Redis that lost its last messages, before a page’s replica is back, is shown once', async () => {
  const redis = await startRedis();
  const line = await startRedisLine(redis.port);
  const near = await startRelay({ RELAY_REDIS_URL: redis.url });
  const far = await startRelay({ RELAY_REDIS_URL: line.url });
  const { sent, shown, send, allShown } = await pageOn(far, near);
  for (let count = 0; count < 2; count += 1) await send();
  await save(redis);
  for (let count = 0; count < 3; count += 1) await send();
  await allShown();
  line.refuse(true);
  await redis.kill9();
  await redis.start();
  // as many as were lost, and one more: the numbers alone do not tell
  for (let count = 0; count < 4; count += 1) await send();
  line.refuse(false);
  await allShown();
  await send();
  await allShown();
  expect(shown()).toEqual(sent);
}, 60_000);

test('a Redis that loses twice what came since the same snapshot leaves nobody deaf', async () => {
  const redis = await startRedis();
  const relay = await startRelay({ RELAY_REDIS_URL: redis.url });
  const { sent, shown, send, allShown } = await pageOn(relay);
  const sendAndSee = () => send().then(allShown);
  await sendAndSee();
  await save(redis);
  await sendAndSee();
  for (let crash = 1; crash <= 3; crash += 1) {
    await redis.kill9();
    await redis.start();
    await sendAndSee();
    await sendAndSee();
  }
  expect(shown()).toEqual(sent);
}, 90_000);

test('a page that is being registered while its replica loses Redis for a moment is shown what came meanwhile', async () => {
  const redis = await startRedis();
  const line = await startRedisLine(redis.port);
  const near = await startRelay({ RELAY_REDIS_URL: redis.url });
  const far = await startRelay({ RELAY_REDIS_URL: line.url });
  const user = newUser();
  const token = clientToken(user);
  const mute = await openRawWebSocket(near.url, '/socket.io/?EIO=4&transport=websocket');
  mute.write(frame(`40${JSON.stringify({ token })}`));
  await until('its registration', () => mute.received.includes('["registered"'));
  const page = open(far, { auth: { token } });
  await until('the question whether the other one is alive', () => mute.received.includes('\x81\x012'));
  line.refuse(true);
  const { status } = await internalApi(near).notify({ recipients: [user], message: { id: 'meanwhile' } });
  expect(status).toBe(200);
  line.refuse(false);
  expect(await page.next('receive_message', 20_000)).toEqual([{ id: 'meanwhile' }]);
  await internalApi(near).notify({ recipients: [user], message: { id: 'after' } });
  expect(await page.next('receive_message')).toEqual([{ id: 'after' }]);
  expect(page.all('receive_message')).toHaveLength(2);
}, 60_000);

async function save({ url }: { url: string }): Promise<void> {
  const client = new Redis(url);
  await client.save();
  client.disconnect();
}

test('a socket that comes while Redis hangs is registered, and served, once it answers again', async () => {
  const redis = await startRedis();
  const relay = await startRelay({ RELAY_REDIS_URL: redis.url });
  redis.pause();
  const user = newUser();
  const connecting = open(relay, { auth: { token: clientToken(user) } });
  await until('readiness to turn red', async () => !(await fetch(`${relay.internalUrl}/health/ready`)).ok, 20_000);
  redis.resume();
  expect(await connecting.next('registered', 15_000)).toMatchObject([{ ok: true, user_id: user }]);
  await until('a notify to be taken', async () => {
    const { status } = await internalApi(relay).notify({ recipients: [user], message: { id: 'after' } });
    return status === 200;
  });
  expect(await connecting.next('receive_message')).toEqual([{ id: 'after' }]);
}, 60_000);

test('a page that comes while Redis is away is answered what needs no store', async () => {
  const backend = await startFakeBackend(() => ({ emit: [], ack: 'from the backend' }));
  const redis = await startRedis();
  const relay = await startRelay({ RELAY_REDIS_URL: redis.url, RELAY_BACKEND_URL: backend.url });
  await redis.stop();
  const page = await connect(relay, { auth: { token: clientToken(newUser()) } });
  await until('an answer', async () => (await page.ask('getUnreadCount', 1)) === 'from the backend');
  expect(page.all('registered')).toEqual([]);
}, 60_000);

test('a socket that is upgraded while Redis hangs or is away goes by WebSocket for all once it is back', async () => {
  const redis = await startRedis();
  const relay = await startRelay({ RELAY_REDIS_URL: redis.url });
  const transports = async (user: string) => {
    const { body } = await internalApi(relay).get(`/presence/${user}`);
    return (body as { sockets: { transport: string }[] }).sockets.map(({ transport }) => transport).join();
  };
  const [early, known] = [newUser(), newUser()];
  redis.pause();
  await openRawPage(relay, { before: [['register_user', { token: clientToken(early) }]] });
  redis.resume();
  await until('the one that was registering', async () => (await transports(early)) === 'websocket', 15_000);

  await openRawPage(relay, {
    before: [['register_user', { token: clientToken(known) }]],
    async meanwhile() {
      await until('the registration', async () => (await transports(known)) === 'polling');
      await redis.stop();
    },
  });
  await redis.start();
  await until('the one that was registered', async () => (await transports(known)) === 'websocket', 15_000);
}, 60_000);
