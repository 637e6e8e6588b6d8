import { encode } from '@msgpack/msgpack';
import { Emitter } from '@socket.io/redis-emitter';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { connectAs } from '../../support/client.js';
import { internalApi } from '../../support/internal.js';
import { sharedRedis, startRedis } from '../../support/redis.js';
import { type RelayEnv, runRelay, startRelay } from '../../support/relay.js';
import { onTeardown } from '../../support/teardown.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

/** Two replicas, and Redis as PHP has it. */
const { url, prefix } = sharedRedis();
const key = `emitters-${prefix}`;
const ENV: RelayEnv = { RELAY_REDIS_URL: url, RELAY_REDIS_PREFIX: prefix, RELAY_EMITTER_KEY: key };
const relays = await Promise.all([startRelay(ENV), startRelay(ENV)]);
const [one, two] = relays;
const redis = new Redis(url);
onTeardown(() => redis.disconnect());
const emitter = new Emitter(redis, { key });

// a tab on either replica for 17, one for 42 and one for 3
const tabs = await Promise.all([one, two].map((relay) => connectAs(relay, clientToken(17))));
const other = await connectAs(two, clientToken(42));
const sender = await connectAs(one, clientToken(3));
const everyone = [...tabs, other, sender];

let marks = 0;
/** All that came to each tab since `run` began, under `event`; a later publish on the same path proves the absence. */
async function arrivals(run: () => unknown, event = 'receive_message'): Promise<unknown[][][]> {
  const before = everyone.map((client) => client.all(event).length);
  await run();
  marks += 1;
  const mark = `mark-${marks}`;
  emitter.to(['17', '42', '3', 'conversation:5']).emit(mark, 1);
  await Promise.all(everyone.map((client) => client.next(mark)));
  return everyone.map((client, index) => client.all(event).slice(before[index]));
}

it('conversation 5 is known by a notify', async () => {
  const message = { id: 1, conversation_id: 5, content: 'first' };
  expect((await internalApi(one).notify({ recipients: [17, 42], sender: 3, message })).status).toBe(200);
  for (const client of [...tabs, other]) expect(await client.next('receive_message')).toEqual([message]);
});

describe('the real emitter reaches each tab exactly once', () => {
  const message = { content: 'hi' };
  const HEARD: [string, string[], number[]][] = [
    ['a user id', ['17'], [1, 1, 0, 0]],
    ['user:', ['user:42'], [0, 0, 1, 0]],
    ['user_', ['user_17'], [1, 1, 0, 0]],
    ['user-', ['user-3'], [0, 0, 0, 1]],
    ['several names of one, and others', ['17', 'user:17', 'user_42'], [1, 1, 1, 0]],
    ['a conversation', ['conversation:5'], [1, 1, 1, 1]],
    ['a conversation and one of its members', ['conversation_5', '17'], [1, 1, 1, 1]],
    ['somebody who is not here', ['lobby'], [0, 0, 0, 0]],
  ];
  it.each(HEARD)('by %s', async (_what, rooms, counts) => {
    const came = await arrivals(() => emitter.to(rooms).emit('receive_message', message));
    expect(came.map(({ length }) => length)).toEqual(counts);
    for (const [args] of came) if (args) expect(args).toEqual([message]);
  });

  it('all but those excepted, and all but the sender in a conversation', async () => {
    const spared = await arrivals(() => emitter.to(['17', '42']).except('user:42').emit('receive_message', message));
    expect(spared.map(({ length }) => length)).toEqual([1, 1, 0, 0]);
    const said = { sender_id: 3, content: 'hi' };
    const others = await arrivals(() => emitter.to('conversation:5').emit('receive_message', said));
    expect(others.map(({ length }) => length)).toEqual([1, 1, 1, 0]);
  });

  it('in the order of publishing, with several arguments', async () => {
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    const came = await arrivals(() => {
      for (const n of numbers) emitter.to('17').emit('step', n, { n });
    }, 'step');
    for (const tab of came.slice(0, 2)) expect(tab).toEqual(numbers.map((n) => [n, { n }]));
  });
});

it('nothing is stored: a page that comes later is not shown it', async () => {
  await arrivals(() => emitter.to('17').emit('receive_message', { content: 'gone' }));
  const late = await connectAs(two, clientToken(17));
  emitter.to('17').emit('after', 1);
  await late.next('after');
  expect(late.all('receive_message')).toEqual([]);
  late.close();
});

it.each([
  ['with a uid, the room in the channel', '#/#17#', (packet: object) => ['emitter', packet, { rooms: [], flags: [] }]],
  ['with a uid, rooms beside', '#/#', (packet: object) => ['emitter', packet, { rooms: [17], flags: [] }]],
  ['of PHP, without a uid', '#emitter', (packet: object) => [packet, { rooms: [17], flags: [] }]],
])('the classic format %s', async (_what, channel, wrap) => {
  const packet = { type: 2, data: ['receive_message', { content: 'classic' }], nsp: '/' };
  const came = await arrivals(() => redis.publish(`${key}${channel}`, Buffer.from(encode(wrap(packet)))));
  expect(came.map(({ length }) => length)).toEqual([1, 1, 0, 0]);
});

it('what cannot be delivered is not, and the log says once what would make it work', async () => {
  const publish = (bytes: Uint8Array) => redis.publish(`${key}#/#`, Buffer.from(bytes));
  const came = await arrivals(async () => {
    for (let times = 0; times < 3; times += 1) {
      emitter.emit('receive_message', { content: 'to all' });
      emitter.of('/chat').to('17').emit('receive_message', { content: 'elsewhere' });
      emitter.to('17').emit('receive_message', { picture: Buffer.from('binary') });
      emitter.to('17').emit('receive_message', { content: 'x'.repeat(70_000) });
      emitter.to('conversation:404').emit('receive_message', { content: 'nobody knows it' });
      await publish(Buffer.from('no MessagePack at all'));
      await publish(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]));
    }
  });
  expect(came.map(({ length }) => length)).toEqual([0, 0, 0, 0]);
  for (const relay of relays) {
    const reasons = () =>
      relay.logs.filter(({ msg }) => String(msg).includes('emitter')).flatMap(({ reason }) => reason ?? []);
    await expect
      .poll(() => reasons().sort())
      .toEqual(['binary', 'broadcast', 'namespace', 'no_packet', 'too_large', 'unknown_conversation']);
    const hint = relay.logs.find(({ reason }) => reason === 'broadcast')?.hint;
    expect(hint).toContain("to('user:17')");
  }
});

it('what a page hears, it hears again after Redis was away', async () => {
  const own = await startRedis();
  const env = { RELAY_REDIS_URL: own.url, RELAY_EMITTER_KEY: 'socket.io' };
  const relay = await startRelay(env);
  const page = await connectAs(relay, clientToken(17));
  const client = new Redis(own.url);
  client.on('error', () => undefined);
  onTeardown(() => client.disconnect());
  const php = new Emitter(client);
  php.to('17').emit('before', 1);
  await page.next('before');
  await own.kill9();
  await own.start();
  await until('an event after the outage', () => {
    if (client.status === 'ready') php.to('17').emit('again', 1);
    return page.all('again').length > 0;
  });
  expect((await relay.stop()).code).toBe(0);
});

it('without the setting nothing is taken, and without Redis it is refused', async () => {
  const relay = await startRelay({ RELAY_REDIS_URL: url, RELAY_REDIS_PREFIX: prefix });
  const page = await connectAs(relay, clientToken(17));
  emitter.to('17').emit('receive_message', { content: 'unheard' });
  new Emitter(redis).to('17').emit('receive_message', { content: 'unheard' });
  const message = { id: 'last', content: 'heard' };
  await internalApi(relay).notify({ recipients: [17], message });
  expect(await page.next('receive_message')).toEqual([message]);
  page.close();

  const { code, output } = await runRelay(['check-config'], { RELAY_EMITTER_KEY: 'socket.io' });
  expect(code).toBe(78);
  expect(output.join('\n')).toContain('RELAY_REDIS_URL must be set when RELAY_EMITTER_KEY is');
});
