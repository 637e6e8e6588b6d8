import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, farApi, newId, newUser, type Site } from '../../support/deployment.js';
import { startFakeBackend } from '../../support/fake-backend.js';
import type { Internal } from '../../support/internal.js';
import { clientToken } from '../../support/tokens.js';

describe.each(DEPLOYMENTS)('typing and message_read (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  async function people() {
    const [ann, ben, eve, conversation] = [newUser(), newUser(), newUser(), newId()];
    const message = { id: newId(), conversation_id: Number(conversation), sender_id: ann };
    await site.api.notify({ recipients: [ben], message });
    const page = (user: string, relay = site.far) => connectAs(relay, clientToken(user));
    const [from, second, to, outsider] = await Promise.all([page(ann), page(ann), page(ben, site.near), page(eve)]);
    return { ann, ben, eve, conversation, from, second, to, outsider };
  }

  test('reach the other members, with the true user, and not the sender', async () => {
    const { ann, conversation, from, second, to } = await people();
    const typing = { conversation_id: conversation, user_id: 'somebody else', is_typing: true };
    expect(await from.ask('typing', typing)).toEqual({ ok: true });
    expect(await to.next('user_typing')).toEqual([{ ...typing, user_id: ann }]);
    const read = { conversation_id: conversation, message_id: 7, user_id: 'somebody else', sender_id: 'x' };
    expect(await from.ask('message_read', read)).toEqual({ ok: true });
    expect(await to.next('message_read')).toEqual([{ ...read, user_id: ann, sender_id: ann }]);
    await site.api.notify({ recipients: [ann], event: 'end', message: { id: newId() } });
    for (const tab of [from, second]) {
      await tab.next('end');
      expect(tab.received.map(({ event }) => event)).toEqual(['registered', 'end']);
    }
  });

  test('reach a build of the page that listens to typing under its own name', async () => {
    const { ann, ben, from, to } = await people();
    from.emit('typing', { recipient_id: ben, sender_id: 'x', sender_name: 'Ann' });
    expect(await to.next('typing')).toMatchObject([{ sender_id: ann, sender_name: 'Ann' }]);
  });

  test('are refused to those who are no members, and in unknown conversations', async () => {
    const { ben, conversation, outsider, to } = await people();
    const refused = (code: string) => ({ ok: false, error: { code, message: expect.any(String) } });
    for (const event of ['typing', 'message_read']) {
      expect(await outsider.ask(event, { conversation_id: conversation })).toEqual(refused('not_a_member'));
      expect(await outsider.ask(event, { recipient_id: ben })).toEqual(refused('not_a_member'));
      expect(await outsider.ask(event, { conversation_id: newId() })).toEqual(refused('unknown_conversation'));
      expect(await outsider.ask(event, 'not an object')).toEqual(refused('invalid_payload'));
    }
    await site.api.notify({ recipients: [ben], event: 'end', message: { id: newId() } });
    await to.next('end');
    expect(to.received.map(({ event }) => event)).toEqual(['registered', 'end']);
  });

  test('go by the last notify that named the conversation, whichever replica took it', async () => {
    const [ann, ben, cy, conversation] = [newUser(), newUser(), newUser(), newId()];
    const page = await connectAs(site.far, clientToken(cy));
    const typing = () => page.ask('typing', { conversation_id: conversation });
    const notify = (api: Internal, recipients: readonly string[]) =>
      api.notify({ recipients, message: { id: newId(), conversation_id: conversation } });
    for (let round = 0; round < 3; round += 1) {
      await notify(site.api, [ann, ben, cy]);
      expect(await typing()).toEqual({ ok: true });
      await notify(farApi(site), [ann, ben]);
      expect(await typing()).toMatchObject({ ok: false, error: { code: 'not_a_member' } });
    }
  });

  test('are in no inbox', async () => {
    const { ben, conversation, from, to } = await people();
    const { cursor } = to.registered as { cursor: string };
    await from.ask('typing', { conversation_id: conversation });
    await to.next('user_typing');
    const back = await connectAs(site.far, clientToken(ben), { auth: { cursor } });
    expect(back.registered).toMatchObject({ recovered: true, replayed: 0 });
  });
});

test('a notify that names others than the backend does has the backend asked again, also when it said so before', async () => {
  const [ann, ben, cy, conversation] = [newUser(), newUser(), newUser(), newId()];
  const backend = await startFakeBackend(() => ({ members: [ann, ben] }));
  const { far, api } = await deploy('one replica in memory', { RELAY_BACKEND_URL: backend.url });
  const page = await connectAs(far, clientToken(ann));
  for (const asked of [1, 2]) {
    await api.notify({ recipients: [ann, ben, cy], message: { id: newId(), conversation_id: conversation } });
    expect(await page.ask('typing', { conversation_id: conversation })).toEqual({ ok: true });
    expect(backend.callsOf('members')).toHaveLength(asked);
  }
});
