import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';

/** Ended, but within the 30 s of leeway for 2 s or more. */
const NEARLY_OVER = { expiresIn: -27 };

describe.each(DEPLOYMENTS)('a token that ends (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  test('ends the socket 30 s after exp, with token_expired, in a way that lets it reconnect', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user, NEARLY_OVER));
    const ended = page.disconnected(8_000);
    expect(page.registered).toMatchObject({ ok: true });
    expect(await page.next('token_expired', 8_000)).toEqual([]);
    expect(await ended).not.toBe('io server disconnect');
    expect(page.socket.active).toBe(true);
  });

  test('does not end a socket that was given a fresh one', async () => {
    const [user, witness] = [newUser(), newUser()];
    const page = await connectAs(site.far, clientToken(user, NEARLY_OVER));
    const end = await connectAs(site.far, clientToken(witness, NEARLY_OVER));
    expect(await page.ask('refresh_token', clientToken(user))).toEqual({ ok: true });
    await end.next('token_expired', 8_000);
    await site.api.notify({ recipients: [user], message: { id: newId() } });
    await page.next('receive_message');
    expect(page.all('token_expired')).toEqual([]);
  });

  test.each(['register_user', 'refresh_token'])('does not end a socket sooner that shows it with %s', async (event) => {
    const [user, witness] = [newUser(), newUser()];
    const page = await connectAs(site.far, clientToken(user));
    const token = clientToken(user, NEARLY_OVER);
    expect(await page.ask(event, event === 'refresh_token' ? token : { token })).toMatchObject({ ok: true });
    // due after it
    const end = await connectAs(site.far, clientToken(witness, NEARLY_OVER));
    await end.next('token_expired', 8_000);
    await site.api.notify({ recipients: [user], message: { id: newId() } });
    await page.next('receive_message');
    expect(page.all('token_expired')).toEqual([]);
  });

  test('far in the future ends nothing now, though no timer runs for so long', async () => {
    const [user, witness] = [newUser(), newUser()];
    const page = await connectAs(site.far, clientToken(user, { expiresIn: 100 * 365 * 86_400 }));
    const end = await connectAs(site.far, clientToken(witness, NEARLY_OVER));
    await end.next('token_expired', 8_000);
    await site.api.notify({ recipients: [user], message: { id: newId() } });
    await page.next('receive_message');
    expect(page.all('token_expired')).toEqual([]);
  });

  test('is not replaced by another user’s, an ended one, or none', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user));
    const refused = (code: string) => ({ ok: false, error: { code, message: expect.any(String) } });
    expect(await page.ask('refresh_token', clientToken(newUser()))).toEqual(refused('identity_mismatch'));
    const ended = await page.ask('refresh_token', clientToken(user, { expiresIn: -40 }));
    expect(ended).toMatchObject({ ok: false, error: { code: 'token_expired' } });
    expect(await page.ask('refresh_token', 'abc')).toMatchObject(refused('token_invalid'));
    expect(await page.ask('refresh_token', { token: 5 })).toMatchObject(refused('invalid_payload'));
  });
});
