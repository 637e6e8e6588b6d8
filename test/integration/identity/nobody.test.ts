import { beforeAll, describe, expect, test } from 'vitest';
import { connect, connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';

describe.each(DEPLOYMENTS)('a socket without a user (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment, { RELAY_REGISTER_TIMEOUT: 1 });
  });

  test.each(['send_message', 'typing', 'message_read', 'watch_presence', 'refresh_token', 'get_messages'])(
    'may not %s',
    async (event) => {
      const page = await connect(site.far);
      const answer = await page.ask(event, { conversation_id: 5 });
      expect(answer).toMatchObject({ ok: false, error: { code: 'proof_missing' } });
    },
  );

  test('is closed after the register timeout, told why, and may reconnect', async () => {
    const page = await connect(site.far);
    const ended = page.disconnected();
    const [error] = await page.next('relay_error');
    expect(error).toEqual({ code: 'register_timeout', message: expect.any(String) });
    expect(await ended).not.toBe('io server disconnect');
  });

  test('stays once it has registered, and receives nothing before', async () => {
    const user = newUser();
    const [page, silent] = await Promise.all([connect(site.far), connect(site.far)]);
    const gone = silent.disconnected();
    await site.api.notify({ recipients: [user], message: { id: newId(), content: 'too early' } });
    expect(await page.ask('register_user', { token: clientToken(user) })).toMatchObject({ ok: true });
    await gone;
    expect(silent.received.map(({ event }) => event)).toEqual(['relay_error']);
    await site.api.notify({ recipients: [user], message: { id: newId(), content: 'in time' } });
    expect(await page.next('receive_message')).toEqual([expect.objectContaining({ content: 'in time' })]);
    expect(page.all('receive_message')).toHaveLength(1);
    const witness = await connectAs(site.far, clientToken(user));
    expect(witness.registered).toMatchObject({ ok: true });
  });
});
