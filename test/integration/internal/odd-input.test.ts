import { request } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken, internalToken } from '../../support/tokens.js';

describe.each(DEPLOYMENTS)('odd input to the internal API (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  const message = () => ({ id: newId() });

  test.each<[string, Record<string, unknown>, string[]]>([
    ['no recipients', { message: message() }, ['/recipients']],
    ['an empty list of recipients', { recipients: [], message: message() }, ['/recipients']],
    ['recipients that are no list', { recipients: 17, message: message() }, ['/recipients']],
    [
      'bad ids',
      { recipients: [1, 1.5, null, '', 'a\n', {}], message: message() },
      ['/recipients/1', '/recipients/2', '/recipients/3', '/recipients/4', '/recipients/5'],
    ],
    ['no message', { recipients: [1] }, ['/message']],
    ['a message that is a list', { recipients: [1], message: [] }, ['/message']],
    ['a message without any id', { recipients: [1], message: {} }, ['/id']],
    ['an id that is none', { id: {}, recipients: [1], message: {} }, ['/id']],
    ['an event that is none', { event: 5, recipients: [1], message: message() }, ['/event']],
    ['an empty event', { event: '', recipients: [1], message: message() }, ['/event']],
    ['a sender that is none', { sender: {}, recipients: [1], message: message() }, ['/sender']],
    ['a durable that is none', { durable: 'no', recipients: [1], message: message() }, ['/durable']],
    [
      'much at once',
      { event: 'connect', durable: 1, recipients: 'x' },
      ['/message', '/event', '/durable', '/recipients'],
    ],
  ])('%s is a 400 that names each bad field', async (_, notification, paths) => {
    const { status, body } = await site.api.notify(notification);
    expect([status, body]).toMatchObject([400, { error: { code: 'invalid_body', message: expect.any(String) } }]);
    const { details } = (body as { error: { details: { path: string; message: string }[] } }).error;
    expect(details.map(({ path }) => path)).toEqual(expect.arrayContaining(paths));
    for (const detail of details) expect(detail.message).toMatch(/\w/);
  });

  test('what the message holds for itself is delivered as it came, alone and in a batch', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user));
    const odd = { conversation_id: { a: 1 }, client_id: '', sender_id: 1.5, parent: 2 ** 60 };
    const [one, two] = [
      { ...message(), ...odd },
      { ...message(), ...odd },
    ];
    expect(await site.api.notify({ recipients: [user], message: one })).toMatchObject({ status: 200 });
    const notifications = [{ recipients: [user], message: two }, { message: { id: 'x', conversation_id: '' } }];
    expect((await site.api.post('/notify/batch', { notifications })).body).toMatchObject({
      results: [{ id: two.id }, { error: { details: [{ path: '/message/conversation_id' }] } }],
    });
    const signal = { durable: false, event: 'ring', recipients: [user], message: { id: {} } };
    expect(await site.api.notify(signal)).toMatchObject({ status: 200 });
    expect(await page.next('receive_message')).toEqual([one]);
    expect(await page.next('receive_message')).toEqual([two]);
    expect(await page.next('ring')).toEqual([{ id: {} }]);
  });

  test.each(['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'])(
    'the event name %s of Socket.IO is refused',
    async (event) => {
      const { status, body } = await site.api.notify({ event, recipients: [1], message: message() });
      expect([status, body]).toMatchObject([400, { error: { code: 'invalid_body', details: [{ path: '/event' }] } }]);
    },
  );

  test('a conversation whose members nobody named is unknown', async () => {
    const { status, body } = await site.api.notify({ conversation_id: newId(), message: message() });
    expect([status, body]).toMatchObject([400, { error: { code: 'unknown_conversation' } }]);
  });

  test.each(['', '{', '{"recipients":[1]', 'recipients=1', '\u0000', '\ufeff'])(
    'a body that is no JSON (%j) is invalid_json',
    async (text) => {
      const { status, body } = await site.api.post('/notify', text);
      const code = text === '' ? expect.stringMatching(/^invalid_(json|body)$/) : 'invalid_json';
      expect([status, body]).toMatchObject([400, { error: { code } }]);
    },
  );

  test.each([
    '{"content":a secret between two}',
    '{"a":"a secret between two", b}',
    '{"content":"a secret between two',
  ])('a body that is no JSON is quoted neither in the answer nor in the log: %s', async (text) => {
    const { body } = await site.api.post('/notify', text);
    expect(body).toMatchObject({ error: { code: 'invalid_json', message: expect.stringMatching(/\w+ .*JSON|token/) } });
    expect(JSON.stringify([body, site.near.logs])).not.toMatch(/secret|betw/);
  });

  test('bytes that are no UTF-8 are invalid_json', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"message":{"id":1,"content":"'),
      Buffer.from([0xe9]),
      Buffer.from('"}}'),
    ]);
    const { status, body } = await site.api.post('/notify', bytes);
    expect([status, body]).toMatchObject([400, { error: { code: 'invalid_json' } }]);
  });

  test.each(['null', '5', '"text"', '[]', 'true'])('a body of %s is invalid_body', async (text) => {
    for (const path of ['/notify', '/notify/batch', '/disconnect']) {
      const { status, body } = await site.api.post(path, text);
      expect([status, body]).toMatchObject([400, { error: { code: 'invalid_body' } }]);
    }
  });

  test('deep nesting is a 400 or is delivered, and never a 500', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user));
    for (const depth of [100, 3_000, 30_000]) {
      const nested = `{"recipients":["${user}"],"message":{"id":"${newId()}","a":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
      const { status } = await site.api.post('/notify', nested);
      expect([200, 400]).toContain(status);
      const batch = await site.api.post('/notify/batch', `{"notifications":[${nested}]}`);
      expect([200, 400]).toContain(batch.status);
      expect(JSON.stringify(batch.body)).not.toContain('"internal"');
    }
    await site.api.notify({ recipients: [user], event: 'end', message: message() });
    await page.next('end');
  });

  test.each([
    ['receive_message', '"message":{"id":1,"__proto__":null,"constructor":1,"toString":2,"then":3}'],
    ['receive_message', '"message":{"id":"__proto__"},"conversation_id":"__proto__"'],
    ['receive_message', '"message":{"id":2},"sender":"constructor"'],
    ['__proto__', '"event":"__proto__","message":{"id":1}'],
    ['hasOwnProperty', '"event":"hasOwnProperty","message":{"id":1,"sent_at":{}}'],
    ['toString', '"event":"toString","message":{"id":1,"sent_at":1e300}'],
  ])('names of JavaScript’s own are names like any other: %s, %s', async (event, rest) => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user));
    const { status } = await site.api.post('/notify', `{"recipients":["${user}","__proto__","constructor"],${rest}}`);
    expect(status).toBe(200);
    await page.next(event);
  });

  test('a known path by another method, and an unknown path, are 404', async () => {
    for (const path of ['/notify', '/disconnect', '/nothing', '/presence/1/2']) {
      expect([404, 405]).toContain((await site.api.get(path)).status);
    }
  });

  test('a content type of PHP’s own choosing does not matter', async () => {
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/json; charset=utf-8']) {
      const body = { recipients: [newUser()], message: message() };
      expect(await site.api.post('/notify', body, { headers: { 'content-type': type } })).toMatchObject({
        status: 200,
      });
    }
    const text = JSON.stringify({ recipients: [newUser()], message: message() });
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${internalToken(text)}`, 'content-length': Buffer.byteLength(text) };
      request(`${site.near.internalUrl}/notify`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end(text);
    });
    expect(status).toBe(200);
  });
});
