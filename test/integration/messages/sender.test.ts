import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';

describe.each(DEPLOYMENTS)("the sender's own tabs (%s)", (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  test('all get message_sent instead of receive_message, also where PHP names the sender among the recipients', async () => {
    const [ann, ben] = [newUser(), newUser()];
    const token = clientToken(ann);
    const tabs = await Promise.all([connectAs(site.far, token), connectAs(site.near, token)]);
    const other = await connectAs(site.far, clientToken(ben));
    const message = { id: Number(newId()), sender_id: Number(ann), content: 'hi' };
    const { body } = await site.api.notify({ recipients: [Number(ann), ben], message });
    expect(body).toMatchObject({ delivered: [ben], offline: [] });
    for (const tab of tabs) expect(await tab.next('message_sent')).toEqual([{ success: true, message }]);
    expect(await other.next('receive_message')).toEqual([message]);
    await site.api.notify({ recipients: [ann], sender: ben, message: { id: newId() } });
    for (const tab of tabs) {
      await tab.next('receive_message');
      expect(tab.all('receive_message')).toHaveLength(1);
      expect(tab.all('message_sent')).toHaveLength(1);
    }
  });

  test('are those of `sender` where it and sender_id differ', async () => {
    const [ann, ben] = [newUser(), newUser()];
    const [sender, recipient] = await Promise.all([ann, ben].map((user) => connectAs(site.far, clientToken(user))));
    await site.api.notify({ sender: ann, recipients: [ben], message: { id: newId(), sender_id: ben } });
    await sender?.next('message_sent');
    await recipient?.next('receive_message');
  });

  test('get the echo in a replay as message_sent, with meta where they asked', async () => {
    const [ann, ben] = [newUser(), newUser()];
    const first = await connectAs(site.far, clientToken(ann));
    const { cursor } = first.registered as { cursor: string };
    first.close();
    const message = { id: newId(), sender_id: ann };
    await site.api.notify({ recipients: [ben], message });
    const back = await connectAs(site.far, clientToken(ann), { auth: { cursor } });
    expect(back.registered).toMatchObject({ recovered: true, replayed: 1 });
    const meta = { id: message.id, cursor: expect.any(String) };
    expect(await back.next('message_sent')).toEqual([{ success: true, message }, meta]);
  });

  test('are told nothing of what is only for the sender', async () => {
    const ann = newUser();
    const tab = await connectAs(site.far, clientToken(ann));
    const { status, body } = await site.api.notify({ recipients: [ann], message: { id: newId(), sender_id: ann } });
    expect([status, body]).toMatchObject([200, { delivered: [], offline: [] }]);
    await tab.next('message_sent');
  });
});

describe.each([
  ['receive_message', ['receive_message']],
  ['none', []],
] as const)('with RELAY_SENDER_ECHO=%s', (echo, expected) => {
  test('the sender gets exactly that', async () => {
    const { near, api } = await deploy('one replica in memory', { RELAY_SENDER_ECHO: echo });
    const [ann, ben] = [newUser(), newUser()];
    const tab = await connectAs(near, clientToken(ann));
    await api.notify({ recipients: [ben, ann], message: { id: newId(), sender_id: ann } });
    await api.notify({ recipients: [ann], event: 'end', message: { id: newId() } });
    await tab.next('end');
    expect(tab.received.map(({ event }) => event)).toEqual(['registered', ...expected, 'end']);
  });
});
