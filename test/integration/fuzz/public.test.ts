import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { frame, openRawWebSocket, openTcp, type Tcp } from '../../support/tcp.js';
import { clientToken } from '../../support/tokens.js';
import { until, within } from '../../support/until.js';
import { BODIES, CONNECTS, FRAMES, PACKETS, REQUESTS, type Sample } from './corpus.js';
import { FUZZ_TIMEOUT, fuzz, json, mutated, type WatchedRelay, watchRelay } from './watched-relay.js';

const SOCKET = '/socket.io/?EIO=4&transport=websocket';
const POLLING = '/socket.io/?EIO=4&transport=polling';
const NAMES = [
  'user_id',
  'token',
  'cursor',
  'conversation_id',
  'sender_id',
  'recipients',
  'content',
  'current_user_id',
];
const EVENTS = [
  'register_user',
  'send_message',
  'typing',
  'message_read',
  'watch_presence',
  'refresh_token',
  'get_messages',
];

let watched: WatchedRelay;
beforeAll(async () => {
  const all = { RELAY_IDENTITY: 'token,claim', RELAY_CLIENT_SEND: 'instant', RELAY_ACCEPT_RATE: 0 };
  watched = await watchRelay(all);
});

async function registeredPage(): Promise<Tcp> {
  const page = await openRawWebSocket(watched.relay.url, SOCKET);
  page.write(frame(`40${JSON.stringify({ token: clientToken(1) })}`));
  await until('the registration', () => page.received.includes('42["registered",{"ok":true'));
  return page;
}

async function livingSession(): Promise<string> {
  const opened = await (await fetch(`${watched.relay.url}${POLLING}`)).text();
  return (JSON.parse(opened.slice(1)) as { sid: string }).sid;
}

/** What came of it: an answer, a log line, or nothing, and then the page is still served. */
async function becameOf({ becomes }: Sample, page: Tcp, send: () => void): Promise<void> {
  const [heard, said] = [page.received.length, watched.mark()];
  send();
  if (becomes === 'nothing') {
    page.write(frame('42777["typing",1]'));
    await until('an ack', () => page.received.includes('43777['));
  } else await until('an answer or a log line', () => page.received.length > heard || watched.toldSince(said));
}

describe('a page that says what none says', () => {
  test.each(PACKETS)('$what', async (sample) => {
    const page = await registeredPage();
    const frames = sample.send.map((one) => frame(one, { opcode: typeof one === 'string' ? 1 : 2 }));
    await becameOf(sample, page, () => frames.forEach(page.write));
    page.drop();
  });

  test.each(FRAMES)('$what', async (sample) => {
    const page = await registeredPage();
    await becameOf(sample, page, () => sample.send.forEach(page.write));
    page.drop();
  });

  test.each(CONNECTS)('a connect with %j', async (junk) => {
    const page = await openRawWebSocket(watched.relay.url, SOCKET);
    const [heard, said] = [page.received.length, watched.mark()];
    page.write(frame(`40${junk}`));
    await until('an answer or a log line', () => page.received.length > heard || watched.toldSince(said));
    page.drop();
  });

  test.each(REQUESTS)('$what', async ({ send, becomes }) => {
    const sid = await livingSession();
    const tcp = await openTcp(watched.relay.url);
    for (const bytes of send) tcp.write(String(bytes).replace('SID', sid));
    if (becomes === 'told') await until('an answer', () => /^HTTP\/1\.1 [45]\d\d /.test(tcp.received));
    tcp.reset();
  });

  test('and whatever its polls carry, the page beside it is served as before', async () => {
    for (const body of BODIES) {
      const sid = await livingSession();
      const polled = { method: 'POST', body: typeof body === 'string' ? body : new Uint8Array(body) };
      for (const _ of [1, 2]) {
        const { status } = await fetch(`${watched.relay.url}${POLLING}&sid=${sid}`, polled);
        expect([200, 400, 413]).toContain(status);
      }
    }
    await watched.isWell();
  });
});

describe('nothing that anybody makes up ends the relay or troubles the page beside it', () => {
  test('events of any shape', { timeout: FUZZ_TIMEOUT }, async () => {
    const event = fc.oneof(fc.constantFrom(...EVENTS), fc.string());
    const events = fc.array(fc.tuple(event, json(NAMES), fc.option(fc.nat())), { minLength: 1, maxLength: 20 });
    let user = 10_000;
    await fuzz(events, async (list) => {
      // each somebody else: one who comes back is asked first whether the former socket still answers
      user += 1;
      const page = await openRawWebSocket(watched.relay.url, SOCKET);
      page.write(frame(`40${JSON.stringify({ token: clientToken(user) })}`));
      // what comes before ends the connection, and is the next test's
      await until('the socket', () => page.received.includes('40{"sid"'));
      for (const [name, payload, ack] of list) {
        page.write(frame(`42${ack ?? ''}${JSON.stringify([name, payload])}`));
      }
      page.write(frame('42999999999["typing",1]'));
      const over = page.closed.then(() => true);
      await Promise.race([over, until('the last ack', () => page.received.includes('43999999999['))]);
      page.drop();
    });
    await watched.isWell();
  });

  test('packets and frames like real ones, a few bytes changed', { timeout: FUZZ_TIMEOUT }, async () => {
    const texts = PACKETS.flatMap(({ send }) => send).filter((one) => one.length < 1_000);
    const packets = mutated(texts).map((bytes) => frame(bytes));
    const frames = mutated(FRAMES.flatMap(({ send }) => send));
    await fuzz(fc.array(fc.oneof(packets, frames), { minLength: 1, maxLength: 4 }), async (list) => {
      const page = await openRawWebSocket(watched.relay.url, SOCKET);
      page.write(frame('40'));
      for (const bytes of list) page.write(bytes);
      // whatever it made of that, it answers a close frame or has closed already
      page.write(frame('', { opcode: 8 }));
      await Promise.race([
        page.closed,
        until('a word', () => page.received.includes('40{'), 1_000).catch(() => undefined),
      ]);
      page.reset();
    });
    await watched.isWell();
  });

  test('requests like real ones, a few bytes changed', { timeout: FUZZ_TIMEOUT }, async () => {
    const sid = await livingSession();
    const samples = REQUESTS.flatMap(({ send }) => send).map((one) => String(one).replace('SID', sid));
    await fuzz(mutated(samples), async (bytes) => {
      const tcp = await openTcp(watched.relay.url);
      tcp.write(bytes);
      tcp.write('\r\n\r\nGET /healthz HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n');
      await within('an end', tcp.closed, 200).catch(() => undefined);
      tcp.reset();
    });
    await watched.isWell();
  });

  test('bodies of polls, whole and broken', { timeout: FUZZ_TIMEOUT }, async () => {
    const bodies = fc.oneof(mutated(BODIES), fc.uint8Array({ maxLength: 300 }));
    await fuzz(bodies, async (body) => {
      const sid = await livingSession();
      const sent = { method: 'POST', body: new Uint8Array(body) };
      const { status } = await fetch(`${watched.relay.url}${POLLING}&sid=${sid}`, sent);
      expect([200, 400, 413]).toContain(status);
    });
    await watched.isWell();
  });
});
