import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { notifyByPhp, phpStyles, prefixOf, runPhp } from '../../legacy/php.js';
import { connectAs } from '../../support/client.js';
import { internalApi } from '../../support/internal.js';
import { startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';

/** The styles' messages go from 3 to 17 in conversation 5. */
const COUNT = 20;
const LIBRARIES = ['textalk10', 'textalk16', 'phrity17', 'phrity22', 'fsockopen', 'fixed-key'];
const ENDINGS = ['close', 'drop', 'exit'] as const;

const relay = await startRelay({ RELAY_LEGACY_NOTIFIERS: '127.0.0.1/32', RELAY_INBOX_LIMIT: 5_000 });
const server = new URL(relay.url).host;
const receivers = await Promise.all([1, 2].map(() => connectAs(relay, clientToken(17))));
const sender = await connectAs(relay, clientToken(3));

type Message = { content?: string; part?: number; message?: Message };
const contents = (args: unknown[][], prefix: string): unknown[] =>
  args
    .map(([first]) => (first as Message).message ?? (first as Message))
    .filter(({ content }) => content?.startsWith(`${prefix}-`))
    .map(({ content, part }) => (part === undefined ? content : `${content}/${part}`));

// Conversation 5 is to be known before one names it alone.
it('a first notify arrives', async () => {
  const run = { library: 'textalk16', style: 'flat', ending: 'close', count: 1, server } as const;
  expect(await notifyByPhp(run)).toEqual({ status: 0, output: '' });
  for (const receiver of receivers) expect((await receiver.next('receive_message')).length).toBe(1);
});

describe('every style arrives exactly once in each tab of the recipient, and is echoed to the sender', () => {
  it.each(phpStyles().map((style, index) => ({ style, index })))(
    '$style',
    { timeout: 60_000 },
    async ({ style, index }) => {
      const library = LIBRARIES[index % LIBRARIES.length] ?? 'textalk16';
      const run = { library, style, ending: ENDINGS[index % ENDINGS.length] ?? 'exit' };
      expect(await notifyByPhp({ ...run, count: COUNT, server })).toEqual({ status: 0, output: '' });
      const parts = style === 'two-sends' ? ['/1', '/2'] : [''];
      const sent = Array.from({ length: COUNT }, (_, n) =>
        parts.map((part) => `${prefixOf(run)}-${n + 1}${part}`),
      ).flat();
      const heard = (): unknown[][] => [
        ...receivers.map((receiver) => contents(receiver.all('receive_message'), prefixOf(run))),
        contents(sender.all('message_sent'), prefixOf(run)),
      ];
      await expect.poll(() => heard().map(({ length }) => length)).toEqual(Array(3).fill(sent.length));
      expect(heard()).toEqual(Array(3).fill(sent));
      expect(contents(sender.all('receive_message'), prefixOf(run))).toEqual([]);
    },
  );
});

it.each(['polling', 'upgrade', 'websocket'])('ElephantIO over %s arrives, and needs no proof', async (transport) => {
  expect(await runPhp('elephant.php', [transport, '20', server])).toEqual({ status: 0, output: '' });
  const sent = Array.from({ length: COUNT }, (_, n) => `elephant/${transport}-${n + 1}`);
  const heard = () => contents(receivers[0]?.all('receive_message') ?? [], `elephant/${transport}`);
  await expect.poll(heard).toEqual(sent);
});

it('equal messages, one right after the other, are as many as PHP sent', async () => {
  const run = { library: 'textalk16', style: 'event-data', ending: 'close', count: 1, server } as const;
  const twice = { ...run, prefix: 'same' };
  await notifyByPhp(twice);
  await notifyByPhp(twice);
  await notifyByPhp({ ...run, prefix: 'after' });
  const [receiver] = receivers;
  await expect.poll(() => contents(receiver?.all('receive_message') ?? [], 'after')).toHaveLength(1);
  expect(contents(receiver?.all('receive_message') ?? [], 'same')).toEqual(['same-1', 'same-1']);
});

it.each(['', 'ElephantIO/5.0'])('a stranger behind an undeclared proxy cannot speak as PHP (%j)', async (agent) => {
  const headers = { 'x-forwarded-for': '198.51.100.7', 'user-agent': agent };
  const stranger = new WebSocket(`ws://${server}/socket.io/?EIO=4&transport=websocket`, { headers });
  const forged = { sender_id: 3, recipient_id: 17, content: `forged-${agent}` };
  stranger.on('message', (data) => {
    if (String(data).startsWith('0{')) stranger.send('40');
    if (String(data).startsWith('40{')) stranger.send(`42${JSON.stringify(['send_message', forged])}`);
    if (String(data).startsWith('40{')) stranger.close();
  });
  await once(stranger, 'close');
  const run = { library: 'textalk16', style: 'event-data', ending: 'close', count: 1, server } as const;
  await notifyByPhp({ ...run, prefix: `genuine-${agent}` });
  const [receiver] = receivers;
  const all = () => receiver?.all('receive_message') ?? [];
  await expect.poll(() => contents(all(), `genuine-${agent}`)).toHaveLength(1);
  expect(all()).not.toContainEqual([expect.objectContaining({ content: forged.content })]);
});

it('the metrics count them, and the log told once how to move on', async () => {
  const { body } = await internalApi(relay).get('/metrics');
  expect(Number(/^relay_legacy_notifies_total (\d+)/m.exec(String(body))?.[1])).toBeGreaterThan(COUNT);
  expect(relay.logs.filter(({ msg }) => String(msg).includes('POST http'))).toHaveLength(1);
});

it('a notifier from elsewhere is refused cleanly, list or no list', async () => {
  for (const listed of [undefined, '192.0.2.0/24']) {
    const strict = await startRelay({ RELAY_LEGACY_NOTIFIERS: listed });
    const run = { library: 'phrity17', style: 'flat', ending: 'close', count: 1 } as const;
    expect(await notifyByPhp({ ...run, server: new URL(strict.url).host })).toEqual({
      status: 1,
      output: '1: refused: HTTP/1.1 403 Forbidden\n',
    });
  }
});
