import fc from 'fast-check';
import { beforeAll, describe, test } from 'vitest';
import { frame, openRawWebSocket } from '../../support/tcp.js';
import { until } from '../../support/until.js';
import { FRAMES, PACKETS } from './corpus.js';
import { FUZZ_TIMEOUT, fuzz, json, mutated, type WatchedRelay, watchRelay } from './watched-relay.js';

const AS_PHP = ['User-Agent: websocket-client-php'];
const NAMES = [
  'event',
  'type',
  'data',
  'message',
  'content',
  'recipient_id',
  'to',
  'conversation_id',
  'sender_id',
  'id',
];
const PATHS = ['/', '/socket.io/?EIO=4&transport=websocket', '/socket.io/?EIO=3&transport=websocket', '/any'];

let watched: WatchedRelay;
beforeAll(async () => {
  // what an old notifier sent and nobody could be found for is lost: that is worth an error
  const lost = ({ msg }: Record<string, unknown>) =>
    String(msg).startsWith("an old notifier's event was not delivered");
  watched = await watchRelay({ RELAY_LEGACY_NOTIFIERS: '127.0.0.1' }, lost);
});

async function say(path: string, frames: readonly Uint8Array[]): Promise<void> {
  const notifier = await openRawWebSocket(watched.relay.url, path, AS_PHP);
  for (const bytes of frames) notifier.write(bytes);
  notifier.write(frame('', { opcode: 8 }));
  await Promise.race([
    notifier.closed,
    until('a goodbye', () => notifier.received.includes('\x88'), 1_000).catch(() => undefined),
  ]);
  notifier.reset();
}

describe('an old notifier may say what it likes', () => {
  test('each sample of the corpus', { timeout: 60_000 }, async () => {
    for (const { send } of [...PACKETS, ...FRAMES]) {
      for (const path of PATHS.slice(0, 2))
        await say(
          path,
          send.map((one) => (typeof one === 'string' ? frame(one) : Buffer.from(one))),
        );
    }
    await watched.isWell();
  });

  test('JSON of any shape, with and without an event around it', { timeout: FUZZ_TIMEOUT }, async () => {
    const said = fc.oneof(
      json(NAMES).map((value) => JSON.stringify(value)),
      fc.tuple(fc.string(), json(NAMES)).map((event) => `42${JSON.stringify(event)}`),
    );
    await fuzz(fc.tuple(fc.constantFrom(...PATHS), fc.array(said, { minLength: 1, maxLength: 10 })), ([path, list]) =>
      say(
        path,
        list.map((text) => frame(text)),
      ),
    );
    await watched.isWell();
  });

  test('frames like real ones, a few bytes changed', { timeout: FUZZ_TIMEOUT }, async () => {
    const texts = [
      '{"event":"send_message","data":{"recipient_id":17,"content":"hi"}}',
      '42["send_message",{"to":17}]',
      '40',
    ];
    const frames = fc.oneof(
      mutated(FRAMES.flatMap(({ send }) => send)),
      mutated(texts).map((bytes) => frame(bytes)),
    );
    await fuzz(fc.tuple(fc.constantFrom(...PATHS), fc.array(frames, { minLength: 1, maxLength: 4 })), ([path, list]) =>
      say(path, list),
    );
    await watched.isWell();
  });
});
