import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';

describe.each(DEPLOYMENTS)('a batch of notifications (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  const batch = (notifications: unknown) => site.api.post('/notify/batch', { notifications });

  test('is taken in its order and answered in its order, each on its own', async () => {
    const [here, gone] = [newUser(), newUser()];
    const page = await connectAs(site.far, clientToken(here));
    const [first, second] = [newId(), newId()];
    const { status, body } = await batch([
      { recipients: [here], message: { id: first } },
      { recipients: [], message: { id: newId() } },
      { recipients: [gone], message: { id: second } },
      { recipients: [here], message: { id: first } },
      'nonsense',
      { conversation_id: 'nobody-knows-it', message: { id: newId() } },
      { recipients: [here], message: { id: 'last' } },
    ]);
    expect(status).toBe(200);
    expect(body).toEqual({
      results: [
        { id: first, duplicate: false, delivered: [here], offline: [] },
        { error: expect.objectContaining({ code: 'invalid_body', details: [expect.anything()] }) },
        { id: second, duplicate: false, delivered: [], offline: [gone] },
        { id: first, duplicate: true, delivered: [here], offline: [] },
        { error: expect.objectContaining({ code: 'invalid_body' }) },
        { error: expect.objectContaining({ code: 'unknown_conversation' }) },
        { id: 'last', duplicate: false, delivered: [here], offline: [] },
      ],
    });
    expect(await page.next('receive_message')).toEqual([{ id: first }]);
    expect(await page.next('receive_message')).toEqual([{ id: 'last' }]);
  });

  test('holds up to 1,000, in order to one user', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user));
    const ids = Array.from({ length: 1_000 }, () => newId());
    const { status, body } = await batch(ids.map((id) => ({ recipients: [user], message: { id } })));
    expect(status).toBe(200);
    expect((body as { results: unknown[] }).results).toHaveLength(1_000);
    await site.api.notify({ recipients: [user], event: 'end', message: { id: newId() } });
    await page.next('end', 10_000);
    expect(page.all('receive_message')).toEqual(ids.map((id) => [{ id }]));
  });

  test.each([
    ['1,001 notifications', Array(1_001).fill({ recipients: [1], message: { id: 1 } })],
    ['no list', { recipients: [1] }],
    ['nothing', undefined],
  ])('is refused with %s', async (_, notifications) => {
    const { status, body } = await batch(notifications);
    expect([status, body]).toMatchObject([400, { error: { code: 'invalid_body', details: [expect.anything()] } }]);
  });

  test('may be empty', async () => {
    expect(await batch([])).toMatchObject({ status: 200, body: { results: [] } });
  });
});

describe.each(DEPLOYMENTS)('the notify rate (%s)', (deployment) => {
  test('counts the notifications of a batch singly, takes all or none, and says when to come again', async () => {
    const { api, far } = await deploy(deployment, { RELAY_NOTIFY_RATE: 5 });
    const user = newUser();
    const page = await connectAs(far, clientToken(user));
    const many = (count: number) =>
      Array.from({ length: count }, () => ({ recipients: [user], message: { id: newId() } }));
    const over = await api.post('/notify/batch', { notifications: many(6) });
    expect(over).toMatchObject({ status: 429, body: { error: { code: 'rate_limited' } } });
    expect(over.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    const fits = many(5);
    expect(await api.post('/notify/batch', { notifications: fits })).toMatchObject({ status: 200 });
    const answers = await Promise.all(many(10).map((one) => api.notify(one)));
    expect(answers.map(({ status }) => status)).toContain(429);
    for (const { message } of fits) expect(await page.next('receive_message')).toEqual([message]);
  });
});
