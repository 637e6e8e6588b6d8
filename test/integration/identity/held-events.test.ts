import { beforeAll, describe, expect, test } from 'vitest';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { type FakeBackend, startFakeBackend } from '../../support/fake-backend.js';
import { openRawPage } from '../../support/raw-page.js';

describe.each(DEPLOYMENTS)('events that come before the cookie that proves who sent them (%s)', (deployment) => {
  let backend: FakeBackend;
  let site: Site;
  beforeAll(async () => {
    backend = await startFakeBackend(({ action, cookie, event, data }) =>
      action === 'identify'
        ? { user_id: /user=(\d+)/.exec(String(cookie))?.[1] ?? null }
        : { emit: [{ event: `answer_to_${event}`, data }] },
    );
    const session = { RELAY_IDENTITY: 'session', RELAY_BACKEND_URL: backend.url };
    site = await deploy(deployment, session);
  });

  test('are held and handled in their order once the user is known', async () => {
    const user = newUser();
    const asked = ['a', 'b', 'c', 'd'].map((conversation_id) => ['get_messages', { conversation_id }]);
    const headers = { cookie: `s=${newId()}; user=${user}` };
    const before = [['register_user', Number(user)], ...asked];
    const page = await openRawPage(site.far, { before, headers });
    expect(await page.next('registered')).toMatchObject({ ok: true, user_id: user });
    await page.next('answer_to_get_messages', 4);
    const calls = backend.callsOf('event').filter(({ user_id }) => user_id === Number(user));
    expect(calls.map(({ data }) => data)).toEqual(asked.map(([, payload]) => payload));
  });

  test('are at most 64', async () => {
    const user = newUser();
    const headers = { cookie: `s=${newId()}; user=${user}` };
    const before = Array.from({ length: 70 }, (_, index) => ['get_messages', { conversation_id: index }]);
    const page = await openRawPage(site.far, { before, headers });
    page.emit('getUnreadCount', Number(user));
    await page.next('answer_to_getUnreadCount');
    await page.next('answer_to_get_messages', 64);
    expect(page.events.filter(([name]) => name === 'answer_to_get_messages')).toHaveLength(64);
  });
});
