import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { openOldPage, refusalOf } from '../../legacy/client-2.js';
import { internalApi } from '../../support/internal.js';
import { startRelay } from '../../support/relay.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const relay = await startRelay({ RELAY_ALLOW_EIO3: 'true', RELAY_IDENTITY: 'token,claim' });
const api = internalApi(relay);
let users = 100;
let ids = 0;

const newPerson = () => {
  users += 1;
  return { user: String(users), who: { user_id: users, token: clientToken(users) } };
};
const newMessage = () => {
  ids += 1;
  return { id: ids, conversation_id: 5, content: `text ${ids}` };
};
const contents = (args: readonly unknown[][]): unknown[] => args.map(([message]) => (message as { id: number }).id);

async function confirmed(id: number, user: string): Promise<void> {
  await until(`message ${id} to be confirmed`, async () => {
    const { body } = await api.get(`/messages/${id}/trace`);
    return (body as { recipients?: Record<string, { confirmed?: unknown }> }).recipients?.[user]?.confirmed;
  });
}

describe.each([[['polling']], [['websocket']], [['polling', 'websocket']]])(
  'a Socket.IO 2 page over %j',
  (transports) => {
    it('registers, and is shown a message with exactly one argument; the sender gets message_sent', async () => {
      const { user, who } = newPerson();
      const other = newPerson();
      const page = openOldPage(relay.url, who, transports);
      const sender = openOldPage(relay.url, other.who, transports);
      expect(await page.nth('registered', 1)).toMatchObject([{ ok: true, user_id: user, recovered: null }]);
      await sender.nth('registered', 1);
      const message = newMessage();
      const { body } = await api.notify({ recipients: [user], sender: other.user, message });
      expect(body).toMatchObject({ delivered: [user], offline: [] });
      expect(await page.nth('receive_message', 1)).toEqual([message]);
      expect(await sender.nth('message_sent', 1)).toEqual([{ success: true, message }]);
      expect(sender.all('receive_message')).toEqual([]);
      await confirmed(message.id, user);
    });

    it('reconnects and is shown what it missed, once and in order', async () => {
      const { user, who } = newPerson();
      const proxy = await startTcpProxy({ port: Number(new URL(relay.url).port) });
      const page = openOldPage(`http://127.0.0.1:${proxy.port}`, who, transports);
      await page.nth('registered', 1);
      const [before, during, after] = [newMessage(), newMessage(), newMessage()];
      await api.notify({ recipients: [user], message: before });
      await confirmed(before.id, user);
      proxy.refuse();
      await until('the page to see the drop', () => page.disconnects === 1);
      await api.notify({ recipients: [user], message: during });
      proxy.resume();
      const [again] = await page.nth('registered', 2);
      expect(again).toMatchObject({ ok: true, recovered: true, replayed: 1 });
      await api.notify({ recipients: [user], message: after });
      await page.nth('receive_message', 3);
      expect(contents(page.all('receive_message'))).toEqual([before.id, during.id, after.id]);
    });

    it('a second tab leaves the first alone, and both are shown each message once', async () => {
      const { user, who } = newPerson();
      const first = openOldPage(relay.url, who, transports);
      await first.nth('registered', 1);
      const [one, two] = [newMessage(), newMessage()];
      await api.notify({ recipients: [user], message: one });
      await first.nth('receive_message', 1);
      const second = openOldPage(relay.url, who, transports);
      await second.nth('registered', 1);
      await api.notify({ recipients: [user], message: two });
      await Promise.all([first.nth('receive_message', 2), second.nth('receive_message', 1)]);
      expect(contents(first.all('receive_message'))).toEqual([one.id, two.id]);
      expect(contents(second.all('receive_message'))).toEqual([two.id]);
      expect([first.disconnects, second.disconnects]).toEqual([0, 0]);
    });
  },
);

it('a page that only claims who it is, as old pages do, is believed where the owner allows it', async () => {
  const { user } = newPerson();
  const page = openOldPage(relay.url, Number(user));
  expect(await page.nth('registered', 1)).toMatchObject([{ ok: true, user_id: user }]);
  const message = newMessage();
  await api.notify({ recipients: [user], message });
  expect(await page.nth('receive_message', 1)).toEqual([message]);
  await until('the upgrade', () => page.socket.io.engine.transport.name === 'websocket');
});

describe('with the setting off', async () => {
  const strict = await startRelay();

  it.each(['polling', 'websocket'])('it is refused over %s', async (transport) => {
    const page = openOldPage(strict.url, 17, [transport]);
    expect(await refusalOf(page)).toBeInstanceOf(Error);
    expect(page.connects).toBe(0);
    page.socket.close();
  });

  it('with HTTP status 400, an upgrade too', async () => {
    const path = `${strict.url}/socket.io/?EIO=3`;
    const polling = await fetch(`${path}&transport=polling`);
    expect(polling.status).toBe(400);
    expect(await polling.json()).toMatchObject({ message: 'Unsupported protocol version' });
    const headers = { connection: 'Upgrade', upgrade: 'websocket' };
    const status = await new Promise((resolve, reject) => {
      const asked = request(`${path}&transport=websocket`, {
        headers: { ...headers, 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
      });
      asked.once('response', (response) => resolve(response.statusCode)).once('error', reject);
      asked.once('upgrade', () => resolve(101));
      asked.end();
    });
    expect(status).toBe(400);
  });
});
