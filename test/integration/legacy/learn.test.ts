import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { connectAs, open } from '../../support/client.js';
import { internalApi } from '../../support/internal.js';
import { freePort } from '../../support/ports.js';
import { type RelayEnv, runRelay, startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const ENV: RelayEnv = { RELAY_LEGACY_NOTIFIERS: '127.0.0.1', RELAY_IDENTITY: 'token,claim' };
const FROM_PHP = { event: 'nachricht', data: { absender: 3, ziel: 17, inhalt: 'from PHP' } };
const FROM_PAGE = { raum: 5, inhalt: 'from the page' };

/** As old PHP does it: one frame of plain JSON, then gone. */
function notify(relay: { url: string }, value: unknown): void {
  const socket = new WebSocket(relay.url.replace('http', 'ws'), { headers: { 'user-agent': 'websocket-client-php' } });
  socket.once('open', () => {
    socket.send(JSON.stringify(value));
    socket.close();
  });
}

async function learn(relay: { internalUrl: string }, ...args: string[]): Promise<string[]> {
  const { code, output } = await runRelay(['learn', '--internal', relay.internalUrl, ...args]);
  expect({ code, output }).toMatchObject({ code: 0 });
  return output;
}

const learned = (relay: { internalUrl: string }, pattern: RegExp): Promise<string[]> =>
  until(`${pattern} among the shapes`, async () => {
    const { body } = await internalApi(relay).get('/legacy/shapes');
    return pattern.test(JSON.stringify(body)) ? learn(relay) : undefined;
  });

describe('what an old site says in words of its own', () => {
  it('from PHP is printed as a mapping, and arrives once that is set', async () => {
    const before = await startRelay(ENV);
    notify(before, FROM_PHP);
    const printed = await learned(before, /nachricht/);
    expect(printed[0]).toMatch(
      /^# 1 times, last .*: event "nachricht" \{absender: number, inhalt: string, ziel: number\}/,
    );
    expect(printed.join('\n')).not.toContain('from PHP');
    const line = printed.at(-1) ?? '';
    expect(line).toBe('RELAY_LEGACY_FIELDS=sender=absender,recipient=ziel,text=inhalt,event:nachricht=send_message');

    const after = await startRelay({ ...ENV, RELAY_LEGACY_FIELDS: line.slice('RELAY_LEGACY_FIELDS='.length) });
    const receiver = await connectAs(after, clientToken(17));
    notify(after, FROM_PHP);
    expect(await receiver.next('receive_message')).toMatchObject([{ absender: 3, ziel: 17, inhalt: 'from PHP' }]);
    expect(await learn(after)).toEqual(['# Nothing unknown was seen since the relay started.']);
  });

  it('from a page is printed as a mapping too, and arrives once that is set', async () => {
    const env = { ...ENV, RELAY_CLIENT_SEND: 'instant' };
    const before = await startRelay(env);
    const stranger = open(before);
    stranger.emit('add-user', 3);
    const page = await connectAs(before, clientToken(3));
    page.emit('nachricht', FROM_PAGE);
    await learned(before, /nachricht/);
    const printed = await learned(before, /add-user/);
    expect(printed.join('\n')).not.toContain('from the page');
    const line = printed.at(-1) ?? '';
    expect(line.replace('RELAY_LEGACY_FIELDS=', '').split(',').sort()).toEqual([
      'conversation=raum',
      'event:add-user=register_user',
      'event:nachricht=send_message',
      'text=inhalt',
    ]);

    const after = await startRelay({ ...env, RELAY_LEGACY_FIELDS: line.slice('RELAY_LEGACY_FIELDS='.length) });
    const message = { id: 1, conversation_id: 5, content: 'first' };
    await internalApi(after).notify({ recipients: [17], sender: 3, message });
    const receiver = await connectAs(after, clientToken(17));
    const sender = open(after);
    sender.emit('add-user', 3);
    await sender.next('registered');
    sender.emit('nachricht', FROM_PAGE);
    const [received] = await receiver.next('receive_message');
    expect(received).toMatchObject({ ...FROM_PAGE, conversation_id: '5', content: 'from the page', sender_id: '3' });
    expect(await sender.next('message_sent')).toMatchObject([{ success: true, message: FROM_PAGE }]);
  });

  it('that is mapped to ignore is dropped without a word', async () => {
    const relay = await startRelay({ ...ENV, RELAY_LEGACY_FIELDS: 'event:mouse_moved=ignore' });
    const page = await connectAs(relay, clientToken(3));
    expect(await page.ask('mouse_moved', { x: 1, y: 2 })).toEqual({ ok: true });
    expect(await learn(relay)).toEqual(['# Nothing unknown was seen since the relay started.']);
  });
});

it('--json gives the shapes as they are', async () => {
  const relay = await startRelay(ENV);
  const page = await connectAs(relay, clientToken(3));
  await page.ask('mystery', { q1: 'secret' });
  expect(JSON.parse((await learn(relay, '--json')).join('\n'))).toMatchObject({
    shapes: [{ finding: 'unknown_page_event', count: 1, shape: { event: 'mystery', fields: { q1: 'string' } } }],
  });
});

it('the shapes are told to nobody without a token', async () => {
  const relay = await startRelay(ENV);
  expect((await internalApi(relay).get('/legacy/shapes', { authorize: false })).status).toBe(401);
});

describe('what is wrong is told in one line', () => {
  it('no relay there', async () => {
    const { code, output } = await runRelay(['learn', '--internal', `http://127.0.0.1:${await freePort()}`]);
    expect(code).toBe(1);
    expect(output).toEqual([expect.stringMatching(/^relay learn: no relay answers at .* \(ECONNREFUSED\)/)]);
  });

  it('another secret, or none', async () => {
    const relay = await startRelay(ENV);
    const args = ['learn', '--internal', relay.internalUrl];
    const other = await runRelay(args, { RELAY_SECRET: 'another-secret-that-is-long-enough-0123456789' });
    expect(other).toMatchObject({ code: 1, output: [expect.stringContaining('RELAY_SECRET here is not the one')] });
    const none = await runRelay(args, { RELAY_SECRET: undefined });
    expect(none).toMatchObject({ code: 1, output: [expect.stringContaining('RELAY_SECRET is not set')] });
  });

  it('the public listener instead of the internal one, an unknown option', async () => {
    const relay = await startRelay(ENV);
    const wrong = await runRelay(['learn', '--internal', relay.url]);
    expect(wrong).toMatchObject({ code: 1, output: [expect.stringContaining('no internal listener')] });
    expect((await runRelay(['learn', '--what'])).code).toBe(64);
  });
});
