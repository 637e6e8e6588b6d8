import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { internalApi } from '../support/internal.js';
import { type Relay, startRelay } from '../support/relay.js';
import { clientToken } from '../support/tokens.js';
import { until } from '../support/until.js';
import { percentile, readGauges, show } from './figures.js';

/** `npm run soak -- --minutes 30` is the full form. */
const SECONDS = Number(process.env.SOAK_SECONDS ?? 60);
const USERS = 60;
const WALKERS = 12;
/** Milliseconds between two notifies. */
const PACE = 40;
/** Bytes that one message may keep: its id for 24 h, its trace for an hour, both as long as promised. */
const KEPT = 3_000;
/** Bytes of slack in the heap, and handles and timers of connections that are kept alive. */
const SLACK = 6 * 2 ** 20;
const SPARE = 6;

/** What is open in the relay: what a leak would be made of. */
async function openIn(relay: Relay) {
  const gauges = await readGauges(relay);
  return {
    handles: gauges.of('nodejs_active_handles_total'),
    requests: gauges.of('nodejs_active_requests_total'),
    resources: gauges.of('nodejs_active_resources_total'),
    sockets: gauges.sum('relay_connections'),
    users: gauges.of('relay_registered_users'),
    unconfirmed: gauges.of('relay_unconfirmed'),
  };
}

/** One tab after the other: connects, stays a moment, and ends in one of the ways in which tabs end. */
async function walk(relay: Relay, over: () => boolean, count: (what: 'connected' | 'message') => void): Promise<void> {
  const url = `${relay.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
  while (!over()) {
    const ws = new WebSocket(url, { perMessageDeflate: false });
    const token = tokens[randomInt(USERS)];
    ws.on('message', (data) => {
      const packet = String(data);
      if (packet === '2') ws.send('3');
      else if (packet.startsWith('0')) ws.send(`40${JSON.stringify({ token, meta: true })}`);
      else if (packet.startsWith('42["receive_message"')) count('message');
      else if (packet.startsWith('42["registered",{"ok":true')) count('connected');
    });
    await once(ws, 'open');
    await delay(randomInt(100, 800));
    const ended = once(ws, 'close');
    const way = randomInt(4);
    if (way === 0) ws.send('41');
    else if (way === 1) ws.close(1001);
    else ws.terminate();
    await ended;
  }
}

const tokens = Array.from({ length: USERS }, (_, user) => clientToken(user, { expiresIn: 86_400 }));

test(`${SECONDS} s of coming, going and being dropped leave nothing behind`, {
  timeout: SECONDS * 1_000 + 90_000,
}, async () => {
  const relay = await startRelay({
    RELAY_INBOX_LIMIT: 10,
    RELAY_MAX_CONNECTIONS_PER_USER: 0,
    RELAY_LOG_LEVEL: 'info',
    // so that the heap is collected often, and its smallest values tell what is kept
    NODE_OPTIONS: '--max-old-space-size=96',
  });
  const api = internalApi(relay);
  const deadline = performance.now() + SECONDS * 1_000;
  const over = () => performance.now() > deadline;
  const counts = { connected: 0, message: 0 };
  const before = await openIn(relay);
  const walkers = Array.from({ length: WALKERS }, () =>
    walk(relay, over, (what) => {
      counts[what] += 1;
    }),
  );

  let notified = 0;
  const heap: number[] = [];
  const sent: number[] = [];
  while (!over()) {
    notified += 1;
    const recipients = [randomInt(USERS), randomInt(USERS)];
    const { status } = await api.notify({ recipients, message: { id: notified, text: 'x'.repeat(200) } });
    expect(status).toBe(200);
    if (notified % 10 === 0) {
      heap.push((await readGauges(relay)).of('nodejs_heap_size_used_bytes'));
      sent.push(notified);
    }
    await delay(PACE);
  }
  await Promise.all(walkers);
  await until('everybody to be gone', async () => (await openIn(relay)).sockets === 0, 20_000);
  const settled = await until(
    'nothing to be open that was not before',
    async () => {
      const now = await openIn(relay);
      const grown = (['handles', 'requests', 'resources'] as const).some((what) => now[what] > before[what] + SPARE);
      return !grown && now.unconfirmed === 0 && now.users === 0 && now;
    },
    45_000,
  );

  // the first third is the time in which inboxes fill and code is compiled
  const third = Math.floor(heap.length / 3);
  const [early, late] = [heap.slice(third, 2 * third), heap.slice(2 * third)].map((part) => Math.min(...part)) as [
    number,
    number,
  ];
  const between = (sent.at(-1) ?? 0) - (sent[2 * third] ?? 0) + third * 10;
  const { of } = await readGauges(relay);
  show(`soak of ${SECONDS} s`, {
    'sockets that came and went': counts.connected,
    'notifies, messages written': `${notified}, ${of('relay_messages_delivered_total')}`,
    'of these replayed': of('relay_messages_replayed_total'),
    'least heap in the second and last third, MB': `${(early / 2 ** 20).toFixed(2)}, ${(late / 2 ** 20).toFixed(2)}`,
    'heap p50 over all, MB': percentile(heap, 0.5) / 2 ** 20,
    'resident memory at the end, MB': of('process_resident_memory_bytes') / 2 ** 20,
    'handles, resources before': `${before.handles}, ${before.resources}`,
    'handles, resources after': `${settled.handles}, ${settled.resources}`,
  });
  expect(counts.connected).toBeGreaterThan(SECONDS * 5);
  expect(of('relay_messages_replayed_total')).toBeGreaterThan(0);
  expect(late - early).toBeLessThan(SLACK + between * KEPT);
  expect(relay.logs.filter(({ level }) => Number(level) >= 50)).toEqual([]);
});
