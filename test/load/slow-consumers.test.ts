import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Client, connectAs } from '../support/client.js';
import { internalApi } from '../support/internal.js';
import { type Relay, startRelay } from '../support/relay.js';
import { onTeardown } from '../support/teardown.js';
import { clientToken } from '../support/tokens.js';
import { until } from '../support/until.js';
import { percentile, readGauges, show } from './figures.js';

const CROWD = 20;
const ROUNDS = 200;
const LIMIT = 256 * 1024;
/** A message of nearly the largest size, so that what the kernel takes for a reader is soon used up. */
const CONTENT = 'x'.repeat(60_000);

interface Reader {
  readonly token: string;
  readonly ws: WebSocket;
}

async function openReader(relay: Relay, user: string): Promise<Reader> {
  const token = clientToken(user);
  const ws = new WebSocket(`${relay.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  onTeardown(() => ws.terminate());
  const registered = new Promise<void>((resolve) => {
    ws.on('message', (data) => {
      const packet = String(data);
      if (packet === '2') ws.send('3');
      else if (packet.startsWith('42["registered",{"ok":true')) resolve();
    });
  });
  await once(ws, 'open');
  ws.send(`40${JSON.stringify({ token })}`);
  await registered;
  return { token, ws };
}

/** Each round a large message to the whole crowd, and a small one to somebody else: how long that one took, ms. */
async function rounds(relay: Relay, page: Client, crowd: readonly string[], name: string): Promise<number[]> {
  const api = internalApi(relay);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = `${name}-${round}`;
    const large = api.notify({ recipients: crowd, message: { id: `large-${id}`, text: CONTENT } });
    const begun = performance.now();
    await api.notify({ recipients: ['other'], event: 'small', message: { id: `small-${id}` } });
    await page.next('small');
    times.push(performance.now() - begun);
    expect((await large).status).toBe(200);
  }
  return times;
}

test(`${CROWD} sockets that read nothing delay nobody else, and what is queued for them is bounded`, async () => {
  const relay = await startRelay({ RELAY_MAX_BUFFERED: LIMIT, RELAY_INBOX_LIMIT: 2 * ROUNDS, RELAY_LOG_LEVEL: 'info' });
  const page = await connectAs(relay, clientToken('other'), { transports: ['websocket'] });
  const names = (kind: string) => Array.from({ length: CROWD }, (_, index) => `${kind}${index}`);
  const well = await Promise.all(names('well').map((user) => openReader(relay, user)));
  await rounds(relay, page, names('well').slice(0, 1), 'warm');
  const without = await rounds(relay, page, names('well'), 'without');
  for (const { ws } of well) ws.terminate();

  const stuck = await Promise.all(names('stuck').map((user) => openReader(relay, user)));
  for (const { ws } of stuck) ws.pause();
  const before = (await readGauges(relay)).of('nodejs_external_memory_bytes');
  let most = 0;
  const watch = setInterval(async () => {
    most = Math.max(most, (await readGauges(relay)).of('nodejs_external_memory_bytes') - before);
  }, 50);
  const beside = await rounds(relay, page, names('stuck'), 'beside').finally(() => clearInterval(watch));

  const slow = () => readGauges(relay).then(({ of }) => of('relay_slow_consumers_total'));
  await until('all of them to be closed', async () => (await slow()) === CROWD);
  const [p99, p99Beside] = [percentile(without, 0.99), percentile(beside, 0.99)];
  show(`${CROWD} slow consumers`, {
    'to somebody else p50 / p99 without them, ms': `${percentile(without, 0.5).toFixed(1)} / ${p99.toFixed(1)}`,
    'and beside them, ms': `${percentile(beside, 0.5).toFixed(1)} / ${p99Beside.toFixed(1)}`,
    'most memory outside the heap that they took, MB': most / 2 ** 20,
  });
  expect(p99Beside).toBeLessThan(p99 * 3 + 50);
  // each may have the limit and the message that goes over it; the large bodies under way come on top
  expect(most).toBeLessThan(CROWD * (LIMIT + 2 * CONTENT.length) + 32 * 2 ** 20);

  const [first] = stuck;
  const back = await connectAs(relay, first?.token ?? '', { transports: ['websocket'] });
  expect(back.registered).toMatchObject({ ok: true, recovered: true });
  await internalApi(relay).notify({ recipients: ['stuck0'], event: 'end', message: { id: 'end' } });
  await back.next('end');
  const shown = back.all('receive_message').map(([message]) => (message as { id: string }).id);
  // it had confirmed nothing of that
  expect(shown).toEqual(Array.from({ length: ROUNDS }, (_, round) => `large-beside-${round}`));
}, 90_000);
