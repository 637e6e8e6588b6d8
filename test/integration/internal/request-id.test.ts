import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, farApi, newId, newUser, type Site } from '../../support/deployment.js';
import { type FakeBackend, startFakeBackend } from '../../support/fake-backend.js';
import { clientToken } from '../../support/tokens.js';

const MADE = /^[0-9a-f]{12}-[0-9a-z]+$/;
const MADE_FOR_A_PAGE = /^[\da-f]{8}-[\da-f-]{27}$/;

describe.each(DEPLOYMENTS)('the id of PHP’s request (%s)', (deployment) => {
  let backend: FakeBackend;
  let site: Site;
  beforeAll(async () => {
    backend = await startFakeBackend();
    site = await deploy(deployment, { RELAY_BACKEND_URL: backend.url });
  });
  beforeEach(() => {
    backend.answer = () => ({});
  });

  const under = (id: string) => ({ headers: { 'x-request-id': id } });

  test('is on every answer: PHP’s own, or one that is made', async () => {
    const { headers } = await site.api.get('/stats', under('page-7'));
    expect(headers.get('x-request-id')).toBe('page-7');
    const all = new Set<string | null>();
    const paths = ['/', '/metrics', '/health/live', '/nowhere'];
    for (const path of paths) {
      const made = (await fetch(`${site.near.internalUrl}${path}`)).headers.get('x-request-id');
      expect([path, made]).toEqual([path, expect.stringMatching(MADE)]);
      all.add(made);
    }
    expect(all.size).toBe(paths.length);
    const refused = await site.api.get('/stats', { ...under('page-8'), authorize: false });
    expect([refused.status, refused.headers.get('x-request-id')]).toEqual([401, 'page-8']);
  });

  test('that is no sane word is replaced', async () => {
    const { headers } = await site.api.get('/stats', under('a b<c>'));
    expect(headers.get('x-request-id')).toMatch(MADE);
  });

  test('goes through the log and into the trace, on any replica, of the first hand-over', async () => {
    const id = newId();
    const user = newUser();
    await site.api.notify({ recipients: [user], message: { id } }, under('page-first'));
    await site.api.notify({ recipients: [user], message: { id } }, under('page-again'));
    const line = await site.near.log(
      'the notify',
      ({ msg, request_id: own }) => msg === 'notified' && own === 'page-first',
    );
    expect(line).toMatchObject({ id, duplicate: false, delivered: 0, offline: 1 });
    for (const api of [site.api, farApi(site)]) {
      expect((await api.get(`/messages/${id}/trace`)).body).toMatchObject({ request_id: 'page-first' });
    }
  });

  test('of a batch is that of each of its messages', async () => {
    const ids = [newId(), newId()];
    const notifications = ids.map((id) => ({ recipients: [newUser()], message: { id } }));
    await site.api.post('/notify/batch', { notifications }, under('drain-1'));
    for (const id of ids) {
      expect((await site.api.get(`/messages/${id}/trace`)).body).toMatchObject({ request_id: 'drain-1' });
    }
  });

  test('is in the log beside the cause of a refusal', async () => {
    await site.api.post('/notify', { recipients: [] }, under('page-bad'));
    const line = await site.near.log(
      'the refusal',
      ({ msg, request_id: own }) => msg === 'refused' && own === 'page-bad',
    );
    expect(line).toMatchObject({ code: 'invalid_body' });
  });

  test('is that of the question to the backend which its notify makes needful', async () => {
    backend.answer = () => ({ members: [newUser()] });
    const conversation = newId();
    await site.api.notify({ conversation_id: conversation, message: { id: newId() } }, under('page-members'));
    expect(backend.calls.at(-1)).toMatchObject({ action: 'members', conversation_id: Number(conversation) });
    expect(backend.requestIds.at(-1)).toBe('page-members');
  });

  test('is made for what a page asks of the backend, and the log says whose it was', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user));
    await page.ask('get_messages', {});
    await page.ask('get_messages', {});
    const [first, second] = backend.requestIds.slice(-2);
    expect([first, second]).toEqual([expect.stringMatching(MADE_FOR_A_PAGE), expect.stringMatching(MADE_FOR_A_PAGE)]);
    expect(first).not.toBe(second);
    const line = await site.far.log('the call', ({ request_id: own }) => own === second);
    expect(line).toMatchObject({ action: 'event', event: 'get_messages', user: Number(user) });
  });
});
