import { describe, expect, test } from 'vitest';
import { type ClientOptions, connect, connectAs, open, refusal } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, storeOf } from '../../support/deployment.js';
import { internalApi } from '../../support/internal.js';
import { openRawPage } from '../../support/raw-page.js';
import { startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const from = (address: string): ClientOptions => ({ extraHeaders: { 'x-forwarded-for': address } });
const tooMany = (scope: string) => ({ code: 'too_many_connections', scope, message: expect.any(String) });

describe.each(DEPLOYMENTS)('caps (%s)', (deployment) => {
  test('refuse one socket too many of a user, wherever the others are, until one has left', async () => {
    const site = await deploy(deployment, { RELAY_MAX_CONNECTIONS_PER_USER: 2 });
    const user = newUser();
    const first = await connectAs(site.near, clientToken(user));
    await connectAs(site.far, clientToken(user));
    const third = open(site.far, { auth: { token: clientToken(user) } });
    expect((await refusal(third)).data).toMatchObject(tooMany('user'));
    const late = await connect(site.far);
    const answer = await late.ask('register_user', { token: clientToken(user) });
    expect(answer).toMatchObject({ ok: false, error: tooMany('user') });
    expect((await connectAs(site.far, clientToken(newUser()))).registered).toMatchObject({ ok: true });

    first.close();
    await until('room for one more', async () => {
      const again = await late.ask('register_user', { token: clientToken(user) });
      return (again as { ok: boolean }).ok;
    });
  });

  test('let a socket stay who it is that may not become another', async () => {
    const site = await deploy(deployment, { RELAY_MAX_CONNECTIONS_PER_USER: 1, RELAY_IDENTITY: 'claim' });
    const [own, other] = [newUser(), newUser()];
    const [page, occupant] = [await connect(site.far), await connect(site.near)];
    await occupant.ask('register_user', other);
    await page.ask('register_user', own);
    expect(await page.ask('register_user', other)).toMatchObject({ ok: false, error: tooMany('user') });
    await site.api.notify({ recipients: [own], message: { id: 'still here' } });
    expect(await page.next('receive_message')).toEqual([{ id: 'still here' }]);
  });
});

test('caps of a user end no socket that was let in: it may register again, and still gets its messages', async () => {
  const store = storeOf('two replicas over Redis');
  const roomy = await startRelay(store);
  const strict = await startRelay({ ...store, RELAY_MAX_CONNECTIONS_PER_USER: 1 });
  const user = newUser();
  const first = await connectAs(strict, clientToken(user));
  const second = await connectAs(roomy, clientToken(user));
  expect(await first.ask('register_user', Number(user))).toMatchObject({ ok: true });
  const api = internalApi(roomy);
  expect((await api.get(`/presence/${user}`)).body).toMatchObject({ sockets: [{}, {}] });
  const message = { id: newId() };
  await api.notify({ recipients: [user], message });
  expect(await first.next('receive_message')).toEqual([message]);
  expect(await second.next('receive_message')).toEqual([message]);
});

describe('caps of a replica', () => {
  test('refuse a socket over the total with a clear code', async () => {
    const relay = await startRelay({ RELAY_MAX_CONNECTIONS: 2 });
    const first = await connect(relay);
    await connect(relay);
    expect((await refusal(open(relay))).data).toMatchObject(tooMany('total'));
    first.close();
    await until('room for one more', () => connect(relay));
  });

  test('count addresses, those of browsers behind a trusted proxy by X-Forwarded-For', async () => {
    const relay = await startRelay({ RELAY_MAX_CONNECTIONS_PER_IP: 1, RELAY_TRUSTED_PROXIES: '127.0.0.0/8,10.0.0.9' });
    await connect(relay, from('203.0.113.5'));
    await connect(relay, from('203.0.113.5, 203.0.113.6'));
    await connect(relay, from('1.2.3.4, 203.0.113.7, 10.0.0.9'));
    const refused = open(relay, from('9.9.9.9, 203.0.113.7'));
    expect((await refusal(refused)).data).toMatchObject(tooMany('address'));
  });

  test('do not believe X-Forwarded-For of just anybody, and log that it looks like a proxy', async () => {
    const relay = await startRelay({ RELAY_MAX_CONNECTIONS_PER_IP: 1 });
    await connect(relay, from('203.0.113.5'));
    const refused = open(relay, from('203.0.113.6'));
    expect((await refusal(refused)).data).toMatchObject(tooMany('address'));
    await relay.log('a hint', (line) => JSON.stringify(line).includes('RELAY_TRUSTED_PROXIES'));
  });

  test('make new connections beyond the accept rate wait, or answer 503 with Retry-After', async () => {
    const relay = await startRelay({ RELAY_ACCEPT_RATE: 2 });
    const handshakes = await Promise.all(
      Array.from({ length: 12 }, () => fetch(`${relay.url}/socket.io/?EIO=4&transport=polling`)),
    );
    const refused = handshakes.filter(({ status }) => status !== 200);
    for (const { status, headers } of refused) {
      expect([status, headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)]);
    }
    const page = open(relay, { auth: { token: clientToken(1) } });
    expect(await page.next('registered', 10_000)).toMatchObject([{ ok: true }]);
    expect(await openRawPage(relay).catch(() => 'refused')).toBeDefined();
  });
});
