import { beforeAll, describe, expect, test } from 'vitest';
import { newId, newUser } from '../../support/deployment.js';
import { type Internal, internalApi } from '../../support/internal.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { frame, openRawWebSocket, type Tcp } from '../../support/tcp.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

let relay: Relay;
let api: Internal;
beforeAll(async () => {
  relay = await startRelay();
  api = internalApi(relay);
});

/** A registered page of a new user, which answers nothing by itself. */
async function openPage(): Promise<{ user: string; tcp: Tcp }> {
  const user = newUser();
  const tcp = await openRawWebSocket(relay.url, '/socket.io/?EIO=4&transport=websocket');
  tcp.write(frame(`40${JSON.stringify({ token: clientToken(user) })}`));
  await until('the registration', () => tcp.received.includes('"registered"'));
  return { user, tcp };
}

const pingsIn = (tcp: Tcp) => tcp.received.split('\x81\x012').length - 1;

async function confirmed(id: string, user: string): Promise<boolean> {
  const { body } = await api.get(`/messages/${id}/trace`);
  const { recipients } = body as { recipients: Record<string, { confirmed: string | null }> };
  return typeof recipients[user]?.confirmed === 'string';
}

const PONG = frame('3');

describe('a pong confirms what was written before its ping', () => {
  test.each<[string, readonly (Uint8Array | 'later')[]]>([
    ['by itself', [frame('3')]],
    ['with an event behind it', [Buffer.concat([frame('3'), frame('42["typing",{"conversation_id":5}]')])]],
    ['with an event before it', [Buffer.concat([frame('42["typing",{"conversation_id":5}]'), frame('3')])]],
    ['in two pieces', [PONG.subarray(0, 4), 'later', PONG.subarray(4)]],
    ['in two fragments', [frame('3', { final: false }), frame('', { opcode: 0 })]],
    ['behind a WebSocket ping', [frame('', { opcode: 9 }), frame('3')]],
  ])('%s', async (_how, pieces) => {
    const { user, tcp } = await openPage();
    const id = newId();
    const before = pingsIn(tcp);
    await api.notify({ recipients: [user], message: { id } });
    await until('the ping', () => pingsIn(tcp) > before);
    expect(await confirmed(id, user)).toBe(false);
    for (const piece of pieces) {
      if (piece === 'later') await confirmed(id, user);
      else tcp.write(piece);
    }
    await until('the confirmation', () => confirmed(id, user));
  });

  test('and one that nobody asked for confirms nothing', async () => {
    const { user, tcp } = await openPage();
    for (let count = 0; count < 5; count++) tcp.write(frame('3'));
    tcp.write(frame('420["typing",{"conversation_id":"none"}]'));
    await until('the answer to what came behind them', () => tcp.received.includes('430['));
    const id = newId();
    await api.notify({ recipients: [user], message: { id } });
    await until('the message', () => tcp.received.includes(id));
    expect(await confirmed(id, user)).toBe(false);
  });
});
