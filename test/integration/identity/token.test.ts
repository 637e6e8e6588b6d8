import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { connect, connectAs, open, refusal } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken, SECRET, type TokenOptions } from '../../support/tokens.js';

const PREVIOUS = 'the-previous-secret-that-only-tests-know';
const REGISTERED = { ok: true, cursor: expect.any(String), recovered: null, replayed: 0 };

describe.each(DEPLOYMENTS)('a browser with a token (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment, { RELAY_PREVIOUS_SECRET: PREVIOUS });
  });

  test('is registered at once as the user of its token', async () => {
    const user = newUser();
    const { registered } = await connectAs(site.far, clientToken(user));
    expect(registered).toEqual({ ...REGISTERED, user_id: user });
  });

  test('may give the token in register_user, and is answered in the ack and as an event', async () => {
    const user = newUser();
    const page = await connect(site.far);
    const ack = await page.ask('register_user', { user_id: Number(user), token: clientToken(user) });
    expect(ack).toEqual({ ...REGISTERED, user_id: user });
    expect(await page.next('registered')).toEqual([ack]);
  });

  test('may have a token signed with the previous secret', async () => {
    const { registered } = await connectAs(site.far, clientToken(newUser(), { secret: PREVIOUS }));
    expect(registered).toMatchObject({ ok: true });
  });

  test.each<[string, string, TokenOptions | string]>([
    ['that is unsigned', 'token_invalid', { algorithm: 'none' }],
    ['of another algorithm', 'token_invalid', { algorithm: 'HS512' }],
    ['of another secret', 'token_invalid', { secret: SECRET.toUpperCase() }],
    ['without an end', 'token_invalid', { claims: { exp: undefined } }],
    ['for PHP', 'token_invalid', { claims: { aud: 'relay:internal' } }],
    ['without an audience', 'token_invalid', { claims: { aud: undefined } }],
    ['without a user', 'token_invalid', { claims: { sub: undefined } }],
    ['that is none', 'token_invalid', 'abc'],
    ['that ended more than 30 s ago', 'token_expired', { expiresIn: -40 }],
  ])('is refused a token %s at the handshake: %s', async (_, code, token) => {
    const page = open(site.far, { auth: { token: typeof token === 'string' ? token : clientToken(1, token) } });
    const { data } = await refusal(page);
    expect(data).toMatchObject({ code, message: expect.any(String) });
  });

  test('is refused a token of the RSA family, and one keyed with what everybody may know of such a pair', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2_048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const [, payload, signature] = clientToken(1).split('.');
    const head = Buffer.from('{"alg":"RS256","typ":"JWT"}').toString('base64url');
    const tokens = [
      clientToken(1, { secret: privateKey, algorithm: 'RS256' }),
      clientToken(1, { secret: publicKey.replace(/-----.*-----|\s/g, '') }),
      `${head}.${payload}.${signature}`,
    ];
    for (const token of tokens) {
      const page = open(site.far, { auth: { token } });
      expect((await refusal(page)).data).toMatchObject({ code: 'token_invalid' });
    }
  });

  test('is told in register_user why its token is refused, and may try again', async () => {
    const user = newUser();
    const page = await connect(site.far);
    const expired = await page.ask('register_user', { token: clientToken(user, { expiresIn: -40 }) });
    expect(expired).toMatchObject({ ok: false, error: { code: 'token_expired', message: expect.any(String) } });
    expect(await page.next('registered')).toEqual([expired]);
    expect(await page.ask('register_user', { token: clientToken(user) })).toMatchObject({ ok: true, user_id: user });
  });

  test('is refused another id than the token says, and stays who it is', async () => {
    const [user, other] = [newUser(), newUser()];
    const page = await connectAs(site.far, clientToken(user));
    const mismatch = { ok: false, error: { code: 'identity_mismatch', message: expect.any(String) } };
    expect(await page.ask('register_user', Number(other))).toEqual(mismatch);
    expect(await page.next('registered')).toEqual([mismatch]);
    const fresh = await connect(site.far);
    expect(await fresh.ask('register_user', { user_id: other, token: clientToken(user) })).toEqual(mismatch);

    const { body } = await site.api.notify({ recipients: [user, other], message: { id: newId() } });
    expect(body).toMatchObject({ delivered: [user], offline: [other] });
    await page.next('receive_message');
  });

  test('is not believed an id without a token', async () => {
    const page = await connect(site.far);
    const answer = await page.ask('register_user', Number(newUser()));
    expect(answer).toMatchObject({ ok: false, error: { code: 'proof_missing' } });
  });

  test.each(['user_id', 'userId', 'id', '_id', 'uid', 'user', 'username'])(
    'may say again who it is under %s',
    async (field) => {
      const user = newUser();
      const page = await connectAs(site.far, clientToken(user));
      const registered = { ...REGISTERED, user_id: user };
      expect(await page.ask('register_user', { [field]: Number(user), role: 'x' })).toEqual(registered);
      expect(await page.ask('register_user', { [field]: user })).toEqual(registered);
    },
  );

  test('is told that what names nobody is no registration', async () => {
    const page = await connectAs(site.far, clientToken(newUser()));
    for (const odd of [null, {}, [], true, 1.5, '', { user_id: {} }, 'x'.repeat(129), { token: 5 }]) {
      expect(await page.ask('register_user', odd)).toMatchObject({ ok: false, error: { code: 'invalid_payload' } });
    }
    expect(await page.ask('register_user')).toMatchObject({ ok: false, error: { code: 'invalid_payload' } });
  });

  test('may be anyone whose id is 1 to 128 printable characters', async () => {
    for (const user of ['Zoë, {a}/b %41', 'x'.repeat(128), '-7', '0017', '💬']) {
      const { registered } = await connectAs(site.far, clientToken(user));
      expect(registered).toMatchObject({ ok: true, user_id: user });
    }
    for (const user of ['', 'x'.repeat(129), 'a\nb', 'a\u0000']) {
      const page = open(site.far, { auth: { token: clientToken(user) } });
      expect((await refusal(page)).data).toMatchObject({ code: 'token_invalid' });
    }
  });
});
