import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { connectAs, open } from '../../support/client.js';
import { internalApi } from '../../support/internal.js';
import { freePort } from '../../support/ports.js';
import { type RelayEnv, runRelay, startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const ENV: RelayEnv = {
  RELAY_LEGACY_NOTIFIERS: '127.0.0.1',
  RELAY_IDENTITY: 'token,claim',
  RELAY_CLIENT_SEND: 'instant',
};
const FROM_PHP = { event: 'nachricht', data: { absender: 3, ziel: 17, inhalt: 'from PHP' } };
const FROM_PAGE = { raum: 5, inhalt: 'from the page' };

/** Does not know the site's names; what it prints is what the second is started with. */
const relay = await startRelay(ENV);

/** As old PHP does it: one frame of plain JSON, then gone. */
function notify(relay: { url: string }, value: unknown): void {
  const socket = new WebSocket(relay.url.replace('http', 'ws'), { headers: { 'user-agent': 'websocket-client-php' } });
  socket.once('open', () => {
    socket.send(JSON.stringify(value));
    socket.close();
  });
}

async function learn(from: { internalUrl: string }, ...args: string[]): Promise<string[]> {
  const { code, output } = await runRelay(['learn', '--internal', from.internalUrl, ...args]);
  expect({ code, output }).toMatchObject({ code: 0 });
  return output;
}

it('at first there is nothing to tell', async () => {
  expect(await learn(relay)).toEqual(['# Nothing unknown was seen since the relay started.']);
});

it('what PHP and pages say in words of their own is printed as a mapping, and arrives once that is set', async () => {
  notify(relay, FROM_PHP);
  open(relay).emit('add-user', 3);
  (await connectAs(relay, clientToken(3))).emit('nachricht', FROM_PAGE);
  await until('three shapes', async () => {
    const { body } = await internalApi(relay).get('/legacy/shapes');
    return (body as { shapes: unknown[] }).shapes.length === 3;
  });
  const printed = await learn(relay);
  const text = printed.join('\n');
  expect(text).toMatch(/^# 1 times, last .*: event "nachricht" \{absender: number, inhalt: string, ziel: number\}$/m);
  expect(text).toMatch(/^# 1 times, last .*: event "nachricht" \{inhalt: string, raum: number\}$/m);
  expect(text).toMatch(/^# 1 times, last .*: event "add-user" a bare number$/m);
  expect(text).not.toMatch(/from PHP|from the page/);
  const [, mapping = ''] = /^RELAY_LEGACY_FIELDS=(.*)$/.exec(printed.at(-1) ?? '') ?? [];
  expect(mapping.split(',').sort()).toEqual([
    'conversation=raum',
    'event:add-user=register_user',
    'event:nachricht=send_message',
    'recipient=ziel',
    'sender=absender',
    'text=inhalt',
  ]);

  const after = await startRelay({ ...ENV, RELAY_LEGACY_FIELDS: `${mapping},event:mouse_moved=ignore` });
  const receiver = await connectAs(after, clientToken(17));
  notify(after, FROM_PHP);
  expect(await receiver.next('receive_message')).toMatchObject([{ absender: 3, ziel: 17, inhalt: 'from PHP' }]);

  const first = { id: 1, conversation_id: 5, content: 'first' };
  await internalApi(after).notify({ recipients: [17], sender: 3, message: first });
  expect(await receiver.next('receive_message')).toEqual([first]);
  const page = open(after);
  page.emit('add-user', 3);
  expect(await page.next('registered')).toMatchObject([{ ok: true, user_id: '3' }]);
  page.emit('nachricht', FROM_PAGE);
  const [received] = await receiver.next('receive_message');
  expect(received).toMatchObject({ ...FROM_PAGE, conversation_id: '5', content: 'from the page', sender_id: '3' });
  expect(await page.next('message_sent')).toMatchObject([{ success: true, message: FROM_PAGE }]);
  expect(await page.ask('mouse_moved', { x: 1, y: 2 })).toEqual({ ok: true });
  const { body } = await internalApi(after).get('/legacy/shapes');
  expect(body).toEqual({ shapes: [] });
});

it('--json gives the shapes as they are', async () => {
  const page = await connectAs(relay, clientToken(3));
  await page.ask('mystery', { q1: 'secret' });
  const { shapes } = JSON.parse((await learn(relay, '--json')).join('\n'));
  expect(shapes).toContainEqual(
    expect.objectContaining({
      finding: 'unknown_page_event',
      count: 1,
      shape: { event: 'mystery', fields: { q1: 'string' } },
    }),
  );
});

it('the shapes are told to nobody without a token', async () => {
  expect((await internalApi(relay).get('/legacy/shapes', { authorize: false })).status).toBe(401);
});

describe('what is wrong is told in one line', () => {
  it('no relay there', async () => {
    const { code, output } = await runRelay(['learn', '--internal', `http://127.0.0.1:${await freePort()}`]);
    expect(code).toBe(1);
    expect(output).toEqual([expect.stringMatching(/^relay learn: no relay answers at .* \(ECONNREFUSED\)/)]);
  });

  it('another secret, or none', async () => {
    const args = ['learn', '--internal', relay.internalUrl];
    const other = await runRelay(args, { RELAY_SECRET: 'another-secret-that-is-long-enough-0123456789' });
    expect(other).toMatchObject({ code: 1, output: [expect.stringContaining('RELAY_SECRET here is not the one')] });
    const none = await runRelay(args, { RELAY_SECRET: undefined });
    expect(none).toMatchObject({ code: 1, output: [expect.stringContaining('RELAY_SECRET is not set')] });
  });

  it('the public listener instead of the internal one, an unknown option', async () => {
    const wrong = await runRelay(['learn', '--internal', relay.url]);
    expect(wrong).toMatchObject({ code: 1, output: [expect.stringContaining('no internal listener')] });
    expect((await runRelay(['learn', '--what'])).code).toBe(64);
  });
});
