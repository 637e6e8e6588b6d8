import { beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Client, connect, connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { onTeardown } from '../../support/teardown.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

describe.each(DEPLOYMENTS)('a page that lost its connection (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  const through = async () => {
    const line = await startTcpProxy({ port: Number(new URL(site.far.url).port) });
    return { line, url: { url: `http://127.0.0.1:${line.port}` } };
  };
  /** A page that was sent the message `unconfirmed`, and answers no ping. */
  const owed = async (user: string, token: string) => {
    const mute = openMute(site.near, token);
    await registered(mute);
    await site.api.notify({ recipients: [user], message: { id: 'unconfirmed' } });
    await until('the ping behind the message', () => pings(mute) === 1);
    return mute;
  };
  const gone = (user: string) =>
    until('the last socket to be gone', async () => {
      const { body } = await site.api.get(`/presence/${user}`);
      return (body as { sockets: unknown[] }).sockets.length === 0;
    });
  const ids = (page: Client) => page.all('receive_message').map(([message]) => (message as { id: string }).id);

  test('is registered again without a word, and shown what came meanwhile, in order', async () => {
    const user = newUser();
    const { line, url } = await through();
    const page = await connectAs(url, clientToken(user));
    await until('the upgrade', () => page.socket.io.engine.transport.name === 'websocket');
    line.refuse();
    const missed = [newId(), newId(), newId()];
    for (const id of missed) await site.api.notify({ recipients: [user], message: { id } });
    line.resume();
    expect(await page.next('registered', 10_000)).toMatchObject([{ ok: true, user_id: user }]);
    const last = newId();
    await until('the last message', async () => {
      await site.api.notify({ recipients: [user], message: { id: last } });
      return ids(page).includes(last);
    });
    expect(ids(page)).toEqual([...missed, last]);
  });

  test.each([
    ['the newest of six tokens', 5],
    ['the first one, which stands in its script,', 0],
  ])('is recognised by %s after it refreshed five times', async (_, shown) => {
    const user = newUser();
    const tokens = Array.from({ length: 6 }, (_, number) => clientToken(user, { expiresIn: 900 + number }));
    const { line, url } = await through();
    const page = await connectAs(url, tokens[0] ?? '');
    for (const token of tokens.slice(1)) expect(await page.ask('refresh_token', token)).toEqual({ ok: true });
    line.refuse();
    await site.api.notify({ recipients: [user], message: { id: 'missed' } });
    page.socket.auth = { token: tokens[shown] };
    line.resume();
    expect(await page.next('registered', 10_000)).toMatchObject([{ ok: true, recovered: true }]);
    expect(await page.next('receive_message')).toEqual([{ id: 'missed' }]);
  });

  test('is shown nothing again after a clean close: a reload loads its history from PHP', async () => {
    const user = newUser();
    const token = clientToken(user);
    const page = await connectAs(site.far, token);
    page.close();
    await gone(user);
    await site.api.notify({ recipients: [user], message: { id: newId() } });
    const back = await connectAs(site.near, token);
    expect(back.registered).toMatchObject({ recovered: null, replayed: 0 });
    await site.api.notify({ recipients: [user], message: { id: 'live' } });
    await back.next('receive_message');
    expect(ids(back)).toEqual(['live']);
  });

  test('is not shown what a sibling tab of the same browser gets and answers for', async () => {
    const user = newUser();
    const token = clientToken(user);
    const first = await connectAs(site.near, token);
    await site.api.notify({ recipients: [user], message: { id: newId() } });
    await first.next('receive_message');
    const second = await connect(site.far);
    expect(await second.ask('register_user', { token })).toMatchObject({ ok: true, replayed: 0 });
    await site.api.notify({ recipients: [user], message: { id: 'both' } });
    expect(await second.next('receive_message')).toEqual([{ id: 'both' }]);
    expect(await first.next('receive_message')).toEqual([{ id: 'both' }]);
    expect(ids(first)).toHaveLength(2);
  });

  test('is continued at once when its old connection, asked whether it is alive, ends in place of an answer', async () => {
    const user = newUser();
    const token = clientToken(user);
    const mute = await owed(user, token);
    const began = performance.now();
    const back = connect(site.far).then(async (page) => {
      await page.ask('register_user', { token });
      return page;
    });
    await until('the question whether it is alive', () => pings(mute) === 2);
    mute.drop();
    const page = await back;
    // one that only kept silent is waited for for 2 s
    expect(performance.now() - began).toBeLessThan(1_800);
    expect(await page.next('receive_message')).toEqual([{ id: 'unconfirmed' }]);
  });

  test('that says up to where it has been shown all is shown nothing again, also with its next token', async () => {
    const user = newUser();
    const token = clientToken(user);
    const mute = await owed(user, token);
    mute.drop();
    await gone(user);
    const other = await connectAs(site.near, clientToken(user, { expiresIn: 61 }));
    const { cursor } = other.registered as { cursor: string };
    const page = await connectAs(site.far, token, { auth: { cursor } });
    expect(page.registered).toMatchObject({ recovered: true, replayed: 0 });
    expect(await page.ask('refresh_token', clientToken(user, { expiresIn: 62 }))).toEqual({ ok: true });
    await site.api.notify({ recipients: [user], message: { id: 'live' } });
    expect((await page.next('receive_message'))[0]).toEqual({ id: 'live' });
    expect(page.all('registered')).toHaveLength(1);
  });

  test('loses nothing when it goes offline again while its old connection is asked whether it is alive', async () => {
    const user = newUser();
    const token = clientToken(user);
    const mute = await owed(user, token);
    const flapping = openMute(site.far, token);
    await until('the question whether the old one is alive', () => pings(mute) === 2);
    flapping.close();
    await until('both to be gone', () => flapping.closed() && mute.closed());
    const page = await connectAs(site.far, token);
    expect(await page.next('receive_message')).toEqual([{ id: 'unconfirmed' }]);
  });

  test('is let in over the cap in the place of its old connection that does not answer', async () => {
    const narrow = await deploy(deployment, { RELAY_MAX_CONNECTIONS_PER_USER: 1 });
    const token = clientToken(newUser());
    const mute = openMute(narrow.near, token);
    await registered(mute);
    expect((await connectAs(narrow.far, token)).registered).toMatchObject({ ok: true });
    await until('the old one to be closed', () => mute.closed());
    const late = openMute(narrow.near, token);
    await until('the refusal, since this one answers', () => late.packets.some((packet) => packet.startsWith('44')));
  });

  test('is served in the order in which it speaks, also while its old connection is asked whether it is alive', async () => {
    const token = clientToken(newUser());
    const mute = openMute(site.near, token);
    await registered(mute);
    const page = await connect(site.far);
    const done: string[] = [];
    page.emit('register_user', { token }, () => done.push('registered'));
    page.emit('watch_presence', [], () => done.push('first'));
    await until('the question whether it is alive', () => pings(mute) === 1);
    page.emit('watch_presence', [], () => done.push('second'));
    await until('all answers', () => done.length === 3);
    expect(done).toEqual(['registered', 'first', 'second']);
  });
});

/** A page whose network has become a one-way street: it answers no ping. */
function openMute(relay: { url: string }, token: string) {
  const ws = new WebSocket(`${relay.url.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket`);
  onTeardown(() => ws.terminate());
  const packets: string[] = [];
  ws.on('open', () => ws.send(`40${JSON.stringify({ token })}`));
  ws.on('message', (data) => packets.push(String(data)));
  return {
    packets,
    closed: () => ws.readyState === WebSocket.CLOSED,
    close: () => ws.close(),
    drop: () => ws.terminate(),
  };
}

async function registered({ packets }: { readonly packets: readonly string[] }): Promise<void> {
  await until('its registration', () => packets.some((packet) => packet.startsWith('42["registered"')));
}

function pings({ packets }: { readonly packets: readonly string[] }): number {
  return packets.filter((packet) => packet === '2').length;
}
