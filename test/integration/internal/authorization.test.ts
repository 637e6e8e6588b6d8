import { beforeAll, describe, expect, test } from 'vitest';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import type { CallOptions } from '../../support/internal.js';
import { clientToken, internalToken, SECRET } from '../../support/tokens.js';

const PREVIOUS = 'the-previous-secret-that-only-tests-know';
const now = () => Math.floor(Date.now() / 1000);

describe.each(DEPLOYMENTS)('a call of the internal API (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment, { RELAY_PREVIOUS_SECRET: PREVIOUS });
  });

  const notification = () => ({ recipients: [newUser()], message: { id: newId() } });
  const bearer = (token: string): CallOptions => ({ headers: { authorization: `Bearer ${token}` } });

  test.each<[string, string, CallOptions]>([
    ['without a token', 'token_missing', { authorize: false }],
    ['with another scheme', 'token_missing', { headers: { authorization: 'Basic abc' } }],
    ['with what is no token', 'token_invalid', bearer('abc')],
    ['with an unsigned token', 'token_invalid', { algorithm: 'none' }],
    ['with another algorithm', 'token_invalid', { algorithm: 'HS512' }],
    ['with another secret', 'token_invalid', { secret: SECRET.toUpperCase() }],
    ['with a browser’s token', 'token_invalid', bearer(clientToken(1))],
    ['with a token for the backend', 'token_invalid', { claims: { aud: 'relay:backend' } }],
    ['with a token without iat', 'token_invalid', { claims: { iat: undefined } }],
    ['with a token without exp', 'token_invalid', { claims: { exp: undefined } }],
    ['with a token that lives 301 s', 'token_invalid', { claims: { exp: now() + 301, iat: now() } }],
    ['with an expired token', 'token_expired', { claims: { iat: now() - 100, exp: now() - 40 } }],
    ['without a hash of its body', 'body_mismatch', { claims: { body: undefined } }],
    ['with the hash of another body', 'body_mismatch', { claims: { body: 'ab'.repeat(32) } }],
    ['with a hash that is no text', 'body_mismatch', { claims: { body: 5 } }],
  ])('%s is refused with 401 %s', async (_, code, options) => {
    const { status, body } = await site.api.notify(notification(), options);
    expect([status, body]).toMatchObject([401, { error: { code, message: expect.any(String) } }]);
  });

  test('with an expired token is told the time of the server', async () => {
    const { body } = await site.api.notify(notification(), { claims: { iat: now() - 100, exp: now() - 40 } });
    const { server_time: time } = (body as { error: { server_time: string } }).error;
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(10_000);
  });

  test('may be off by 30 s, either way, and signed with the previous secret', async () => {
    for (const claims of [
      { iat: now() - 80, exp: now() - 20 },
      { iat: now() + 20, exp: now() + 80 },
    ]) {
      expect(await site.api.notify(notification(), { claims })).toMatchObject({ status: 200 });
    }
    expect(await site.api.notify(notification(), { secret: PREVIOUS })).toMatchObject({ status: 200 });
    expect(await site.api.get('/presence?users=1', { expiresIn: 300 })).toMatchObject({ status: 200 });
  });

  test.each([
    ['GET', '/presence?users=1'],
    ['GET', '/presence/1'],
    ['GET', '/stats'],
    ['GET', '/messages/1/trace'],
    ['POST', '/notify'],
    ['POST', '/notify/batch'],
    ['POST', '/disconnect'],
  ])('needs a token for %s %s', async (method, path) => {
    const response = await fetch(`${site.near.internalUrl}${path}`, {
      method,
      ...(method === 'POST' && { body: '{}' }),
    });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { code: 'token_missing' } });
  });

  test.each(['/health/live', '/health/ready', '/metrics'])('needs none for %s', async (path) => {
    expect((await fetch(`${site.near.internalUrl}${path}`)).status).toBe(200);
  });

  test('is bound to the very bytes of its body', async () => {
    const text = JSON.stringify(notification());
    const token = internalToken(text);
    expect(await site.api.post('/notify', `${text} `, bearer(token))).toMatchObject({
      status: 401,
      body: { error: { code: 'body_mismatch' } },
    });
    expect(await site.api.post('/notify', text, bearer(token))).toMatchObject({ status: 200 });
  });
});
