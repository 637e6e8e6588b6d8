import { beforeAll, describe, expect, test } from 'vitest';
import { connect, connectAs, open, refusal } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';

const NAMES = [
  'connections',
  'registered_users',
  'notify_total',
  'notify_seconds',
  'deliver_seconds',
  'confirm_seconds',
  'messages_delivered_total',
  'messages_replayed_total',
  'duplicates_suppressed_total',
  'unconfirmed',
  'disconnects_total',
  'rejected_total',
  'identity_mismatch_total',
  'slow_consumers_total',
  'store_up',
  'store_probe_seconds',
  'backend_seconds',
  'backend_failures_total',
  'legacy_notifies_total',
  'unknown_events_total',
];

describe.each(DEPLOYMENTS)('what operators see (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  const metrics = async () => (await fetch(`${site.far.internalUrl}/metrics`)).text();
  const value = async (line: string) => {
    const escaped = line.replace(/[{}"]/g, '\\$&');
    return Number(new RegExp(`^relay_${escaped} (\\S+)$`, 'm').exec(await metrics())?.[1] ?? 0);
  };

  test('every metric has the name that dashboards know, beside Node’s own', async () => {
    const text = await metrics();
    const present = NAMES.filter((name) => new RegExp(`^# TYPE relay_${name} `, 'm').test(text));
    expect(present).toEqual(NAMES);
    for (const name of ['notify_seconds', 'deliver_seconds', 'confirm_seconds', 'backend_seconds']) {
      expect(text).toContain(`# TYPE relay_${name} histogram`);
    }
    expect(text).toMatch(/^nodejs_/m);
  });

  test('connections are counted by transport, users once', async () => {
    const user = newUser();
    const before = await value('registered_users');
    const websocket = await value('connections{transport="websocket"}');
    const polling = await value('connections{transport="polling"}');
    await connectAs(site.far, clientToken(user), { transports: ['websocket'] });
    const page = await connectAs(site.far, clientToken(user), { transports: ['polling'] });
    expect(await value('registered_users')).toBe(before + 1);
    expect(await value('connections{transport="websocket"}')).toBe(websocket + 1);
    expect(await value('connections{transport="polling"}')).toBe(polling + 1);
    page.close();
    await expect.poll(() => value('connections{transport="polling"}')).toBe(polling);
  });

  test('deliveries, confirmations, duplicates and refusals are counted', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user));
    const before = await value('messages_delivered_total');
    const confirmed = await value('confirm_seconds_count');
    await site.api.notify({ recipients: [user], message: { id: newId() } });
    await page.next('receive_message');
    expect(await value('messages_delivered_total')).toBe(before + 1);
    await expect.poll(() => value('confirm_seconds_count')).toBe(confirmed + 1);
    expect(await value('unconfirmed')).toBe(0);
    const refused = await value('rejected_total{code="token_invalid"}');
    await refusal(open(site.far, { auth: { token: 'abc' } }));
    expect(await value('rejected_total{code="token_invalid"}')).toBe(refused + 1);
    expect(await value('store_up')).toBe(1);
  });

  test('the figures are there as JSON as well', async () => {
    const { status, body } = await site.api.get('/stats');
    expect([status, typeof body]).toEqual([200, 'object']);
  });

  test('the process says that it works, and that it is of use', async () => {
    for (const path of ['/health/live', '/health/ready']) {
      expect((await fetch(`${site.far.internalUrl}${path}`)).status).toBe(200);
    }
  });

  test('the log tells of connections, registrations and refusals with their cause, and of no contents', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user), { extraHeaders: { origin: 'http://localhost:81' } });
    await site.far.log('the registration', (line) => line.msg === 'registered' && line.user === user);
    await site.far.log('the origin', (line) => line.origin === 'http://localhost:81');
    await site.api.notify({ recipients: [user], message: { id: newId(), content: 'a secret between two' } });
    await page.next('receive_message');
    const stranger = await connect(site.far);
    await stranger.ask('register_user', { token: clientToken(user, { expiresIn: -100 }) });
    await site.far.log('how far the clock is off', (line) => /100 s|10\d s/.test(JSON.stringify(line)));
    for (const relay of [site.near, site.far]) expect(JSON.stringify(relay.logs)).not.toContain('a secret between');
  });
});
