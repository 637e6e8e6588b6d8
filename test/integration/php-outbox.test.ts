import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Client, connectAs } from '../support/client.js';
import { startFakeBackend } from '../support/fake-backend.js';
import { internalApi } from '../support/internal.js';
import type { Mariadb } from '../support/mariadb.js';
import {
  confirmedInRedis,
  emptyConversations,
  JONAS,
  MIRA,
  type Stage,
  type StageOptions,
  stage,
  startDatabase,
  TALK,
} from '../support/messaging-site.js';
import { runPhp } from '../support/php.js';
import { sharedRedis, startRedis } from '../support/redis.js';
import { clientToken, SECRET } from '../support/tokens.js';
import { until } from '../support/until.js';

const BRIDGE = fileURLToPath(new URL('../../php-bridge/', import.meta.url));

let database: Mariadb;
beforeAll(async () => {
  database = await startDatabase();
}, 60_000);

interface Outage {
  begin(): unknown;
  end(): unknown;
}

interface Broken extends Scene {
  outage: Outage;
}

/** What PHP may lose to one call, and to a call that the breaker spares it. */
const ONE_CALL_MS = 350;
const NO_CALL_MS = 40;
/** Messages before the outage. */
const HEALTHY = 5;

describe.each<[what: string, start: () => Promise<Broken>]>([
  ['is down', relayDown],
  ['refuses connections', async () => onTheLine((line) => line.refuse())],
  ['is out of reach, without any answer', async () => onTheLine((line) => line.stall())],
  ['answers 503', storeAway],
])('while the relay %s', (_, start) => {
  test('the page answers, the breaker spares it the wait, and bin/outbox delivers once and in order', async () => {
    const { site, jonas, outage, send } = await start();
    const healthy = await repeated(HEALTHY, () => send('before'));
    expect(await site.drain()).toMatch(/^exit 0/);
    await outage.begin();
    const before = healthy.map(() => 'before');
    const calls = await repeated(3, (n) => send(`call ${n}`));
    const spared = await repeated(5, (n) => send(`spared ${n}`));

    // A busy machine adds to any of them, and never takes away: the quickest of each kind are what is compared.
    expect(Math.min(...calls) - Math.min(...healthy)).toBeLessThan(ONE_CALL_MS);
    expect(Math.min(...spared) - Math.min(...healthy)).toBeLessThan(NO_CALL_MS);
    expect(await waiting()).toBeGreaterThanOrEqual(calls.length + spared.length);
    expect(await site.drain()).toMatch(/^exit 1/);

    await outage.end();
    expect(await site.drain()).toMatch(/^exit 0/);
    const meanwhile = [...calls.map((_ms, n) => `call ${n}`), ...spared.map((_ms, n) => `spared ${n}`)];
    await gets(jonas, [...before, ...meanwhile]);
    expect(await waiting()).toBe(0);
  });
});

test('kill -9 of PHP between its commit and the notify loses nothing', async () => {
  const { site, internalLine, jonas, send } = await scene();
  internalLine.blackHole();
  const lost = send('saved').catch(() => 'PHP died');
  await until('the commit', async () => (await waiting()) === 1);
  await site.stop();
  expect(await lost).toBe('PHP died');
  internalLine.resume();
  internalLine.cut();
  expect(jonas.all('receive_message')).toEqual([]);
  expect(await site.drain()).toMatch(/^exit 0/);
  await gets(jonas, ['saved']);
});

test('an answer that comes too late is asked for again, and the message is shown once', async () => {
  const { site, relay, internalLine, jonas, send } = await scene();
  internalLine.delay(200);
  await send('late');
  await jonas.next('receive_message');
  expect(await waiting()).toBe(1);
  internalLine.delay(0);
  expect(await site.drain()).toMatch(/^exit 0/);
  await send('after');
  await gets(jonas, ['late', 'after']);
  const metrics = await internalApi(relay).get('/metrics');
  expect(metrics.body).toMatch(/^relay_duplicates_suppressed_total\{[^}]*\} [1-9]/m);
});

test('a message does not overtake one of its conversation that waits', async () => {
  const { site, internalLine, jonas, send } = await scene();
  internalLine.refuse();
  await send('one');
  internalLine.resume();
  await send('two');
  await send('three');
  // A call that a busy machine was too slow for is made good here.
  expect(await site.drain()).toMatch(/^exit 0/);
  await gets(jonas, ['one', 'two', 'three']);
});

test('bin/outbox tells once a round of how many rows it postponed, and why, and of none when they go', async () => {
  const backend = await startFakeBackend(({ conversation_id }, response) => {
    response.writeHead(conversation_id === 991 ? 403 : 500).end();
  });
  const { site, jonas } = await scene({ relay: { RELAY_BACKEND_URL: backend.url } });
  for (const id of [991, 992, 993]) {
    const message = { id, conversation_id: id, sender_id: MIRA, content: `${id}` };
    const payload = JSON.stringify({
      id: String(id),
      event: 'receive_message',
      durable: true,
      conversation_id: id,
      message,
    });
    // tried so often that it is not tried again in the same run
    await database.sql(`INSERT INTO relay_outbox (conversation, payload, created_at, not_before, attempts)
      VALUES ('${id}', '${payload}', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 6)`);
  }
  const told = (output: string) => [...output.matchAll(/Z outbox: (\d+ postponed.*)$/gm)].map(([, line]) => line);
  const postponed = await site.drain();
  expect(postponed).toMatch(/^exit 1: .*sent 0, 3 left/s);
  expect(told(postponed)).toEqual([
    '3 postponed, kept with the reason in last_error: backend_refused (1), backend_unavailable (2)',
  ]);

  backend.answer = () => ({ members: [MIRA, JONAS] });
  const gone = await site.drain();
  expect(gone).toMatch(/^exit 0: .*sent 3, 0 left/s);
  expect(told(gone)).toEqual([]);
  await gets(jonas, ['991', '992', '993']);
});

test('ids that JavaScript holds no number for go from PHP to the people and back as they are', async () => {
  const { relay } = await scene();
  const [sender, recipient, conversation] = ['9007199254740993', '9007199254740995', '9007199254740997'];
  const [from, to] = await Promise.all([sender, recipient].map((user) => connectAs(relay, clientToken(user))));
  const message = `['id' => 9007199254740999, 'conversation_id' => ${conversation}, 'sender_id' => ${sender}, 'content' => 'hi']`;
  const php = `
    require '${BRIDGE}autoload.php';
    use RelayBridge\\{HttpRelayClient, Notification, TokenIssuer};
    $relay = new HttpRelayClient('${relay.internalUrl}', new TokenIssuer('${SECRET}'), 3000);
    echo json_encode($relay->notify(new Notification(${message}, [${sender}, ${recipient}]))->answer());`;
  const { code, output } = await runPhp(['-r', php]);
  const answer = { id: '9007199254740999', duplicate: false, delivered: [recipient], offline: [] };
  expect([code, JSON.parse(output.join(''))]).toEqual([0, answer]);
  expect(await to?.next('receive_message')).toMatchObject([{ content: 'hi' }]);
  expect(await from?.next('message_sent')).toMatchObject([{ success: true, message: { content: 'hi' } }]);
  expect(from?.all('receive_message')).toEqual([]);
});

interface Scene extends Stage {
  /** Somebody who is shown what comes. */
  jonas: Client;
  /** Posts a message as the page does; gives how long PHP took, in milliseconds. */
  send(text: string): Promise<number>;
}

async function scene(options: StageOptions = {}): Promise<Scene> {
  await emptyConversations(database);
  const parts = await stage(database, {
    relay: { RELAY_IDENTITY: 'token', ...options.relay },
    site: options.site ?? {},
  });
  const jonas = await connectAs(parts.relay, clientToken(JONAS), { reconnectionDelayMax: 100 });
  const login = await fetch(`${parts.site.url}/login.php?user=${MIRA}`, { redirect: 'manual' });
  const cookie = login.headers.getSetCookie().at(-1)?.split(';')[0] ?? '';
  const send: Scene['send'] = async (text) => {
    const started = performance.now();
    const response = await fetch(`${parts.site.url}/ajax/send-message.php`, {
      method: 'POST',
      headers: { cookie },
      body: new URLSearchParams({ conversation_id: String(TALK), content: text }),
    });
    const body = await response.text();
    const took = performance.now() - started;
    expect(JSON.parse(body)).toMatchObject({ success: true });
    return took;
  };
  return { ...parts, jonas, send };
}

async function relayDown(): Promise<Broken> {
  const redis = sharedRedis();
  const parts = await scene({ relay: { RELAY_REDIS_URL: redis.url, RELAY_REDIS_PREFIX: redis.prefix } });
  const outage = {
    async begin() {
      await confirmedInRedis(redis, HEALTHY, JONAS);
      await parts.relay.kill9();
    },
    end: () => parts.restart(),
  };
  return { ...parts, outage };
}

async function onTheLine(breakIt: (line: Stage['internalLine']) => void): Promise<Broken> {
  const parts = await scene();
  const { internalLine } = parts;
  return { ...parts, outage: { begin: () => breakIt(internalLine), end: () => internalLine.resume() } };
}

async function storeAway(): Promise<Broken> {
  const redis = await startRedis({ appendonly: true });
  const parts = await scene({ relay: { RELAY_REDIS_URL: redis.url } });
  const ready = async (status: number) => (await internalApi(parts.relay).get('/health/ready')).status === status;
  const outage = {
    async begin() {
      await redis.stop();
      await until('readiness to be red', () => ready(503));
    },
    async end() {
      await redis.start();
      await until('readiness to be green', () => ready(200), 20_000);
    },
  };
  return { ...parts, outage };
}

async function repeated(times: number, action: (n: number) => Promise<number>): Promise<number[]> {
  const results: number[] = [];
  for (let n = 0; n < times; n++) results.push(await action(n));
  return results;
}

/** Exactly these, in this order. What came twice came before the end: a drain is over when the relay has answered. */
async function gets(client: Client, expected: readonly string[]): Promise<void> {
  const texts = () => client.all('receive_message').map(([message]) => (message as { content: string }).content);
  await until('the messages', () => texts().length >= expected.length, 15_000).catch(() => undefined);
  expect(texts()).toEqual(expected);
}

const waiting = async (): Promise<number> => (await database.sql('SELECT 1 FROM relay_outbox')).length;
