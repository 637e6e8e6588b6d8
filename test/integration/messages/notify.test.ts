import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, farApi, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';

describe.each(DEPLOYMENTS)('a message that PHP notifies of (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  const page = (user: string, relay = site.far) => connectAs(relay, clientToken(user));

  test('reaches every tab of every recipient on every replica, unchanged and as the only argument', async () => {
    const [ann, ben] = [newUser(), newUser()];
    const tabs = await Promise.all([page(ann), page(ann, site.near), page(ben), page(ben, site.near)]);
    const message = {
      id: Number(newId()),
      conversation_id: 5,
      sender_name: 'Zoë "Z" <b>',
      content: '<b>tea</b> & \u2028 💬 \\u0041',
      sent_at: '2025-05-28T10:00:00.000Z',
      nested: { list: [1, 1.5, -0.25, null, true, { deep: [] }], '': '', __proto: 1 },
    };
    const { status, body } = await site.api.notify({ recipients: [Number(ann), ben, ann], message });
    expect([status, body]).toEqual([
      200,
      { id: String(message.id), duplicate: false, delivered: [ann, ben], offline: [] },
    ]);
    for (const tab of tabs) expect(await tab.next('receive_message')).toEqual([message]);
  });

  test('keeps its JSON byte for byte, the order of its keys included', async () => {
    const user = newUser();
    const tab = await page(user);
    const text = `{"z":1,"id":"${newId()}","a":{"y":[],"b":"\\u00e9"},"content":"x"}`;
    await site.api.post('/notify', `{"recipients":["${user}"],"message":${text}}`);
    const [got] = await tab.next('receive_message');
    expect(JSON.stringify(got)).toBe(JSON.stringify(JSON.parse(text)));
  });

  test('goes to no one else', async () => {
    const [user, other] = [newUser(), newUser()];
    const [tab, bystander] = await Promise.all([page(user), page(other)]);
    await site.api.notify({ recipients: [user], message: { id: newId() } });
    await tab.next('receive_message');
    await site.api.notify({ recipients: [other], message: { id: 'own' } });
    expect(await bystander.next('receive_message')).toEqual([{ id: 'own' }]);
    expect(bystander.all('receive_message')).toHaveLength(1);
  });

  test('arrives in the order of acceptance, whichever replica accepted it', async () => {
    const user = newUser();
    const tabs = await Promise.all([page(user), page(user, site.near)]);
    const ids: string[] = [];
    for (let count = 0; count < 20; count += 1) {
      ids.push(newId());
      const api = count % 2 === 0 ? site.api : farApi(site);
      await api.notify({ recipients: [user], message: { id: ids.at(-1) } });
    }
    for (const tab of tabs) {
      const got: unknown[] = [];
      for (const _ of ids) got.push(...(await tab.next('receive_message')));
      expect(got).toEqual(ids.map((id) => ({ id })));
    }
  });

  test.each<[string | number, string]>([
    ['2025-05-28 10:00:00', '2025-05-28T10:00:00.000Z'],
    ['2025-05-28 10:00:00.25', '2025-05-28T10:00:00.250Z'],
    [1748426400, '2025-05-28T10:00:00.000Z'],
    [1748426400250, '2025-05-28T10:00:00.250Z'],
    [99999999999, '5138-11-16T09:46:39.000Z'],
    [100000000000, '1973-03-03T09:46:40.000Z'],
  ])('has its sent_at %s mended to %s', async (sentAt, mended) => {
    const user = newUser();
    const tab = await page(user);
    await site.api.notify({ recipients: [user], message: { id: newId(), sent_at: sentAt } });
    const [message] = await tab.next('receive_message');
    expect(Date.parse((message as { sent_at: string }).sent_at)).toBe(Date.parse(mended));
    expect(message).toMatchObject({ sent_at: expect.stringMatching(/^\d{4}-.*T.*Z$/) });
  });

  test.each(['2025-05-28T12:00:00+02:00', '2025-05-28T10:00:00Z', 'yesterday', '', null])(
    'keeps a sent_at of %j as it came',
    async (sentAt) => {
      const user = newUser();
      const tab = await page(user);
      const message = { id: newId(), sent_at: sentAt };
      await site.api.notify({ recipients: [user], message });
      expect(await tab.next('receive_message')).toEqual([message]);
    },
  );

  test('may go by another event name, and by another id than its own', async () => {
    const [user, sender] = [newUser(), newUser()];
    const [tab, own] = await Promise.all([page(user), page(sender)]);
    const message = { id: 1, sender_id: sender, total: 3 };
    const { body } = await site.api.notify({ id: newId(), recipients: [user, sender], event: 'cart_changed', message });
    expect(body).toMatchObject({ id: expect.not.stringMatching(/^1$/), delivered: [user] });
    expect(await tab.next('cart_changed')).toEqual([message]);
    await site.api.notify({ recipients: [sender], sender: user, message: { id: newId() } });
    await own.next('receive_message');
    expect(own.received.map(({ event }) => event)).toEqual(['registered', 'receive_message']);
  });

  test('tells who is offline, and waits for nobody', async () => {
    const [here, gone, left] = [newUser(), newUser(), newUser()];
    const [tab, closing] = await Promise.all([page(here), page(left)]);
    closing.close();
    await expect
      .poll(async () => {
        const { body } = await site.api.notify({ recipients: [gone, here, left], message: { id: newId() } });
        return body;
      })
      .toMatchObject({ delivered: [here], offline: [gone, left], duplicate: false });
    await tab.next('receive_message');
  });

  test('that may be lost needs no id, and is in no inbox', async () => {
    const user = newUser();
    const tab = await page(user, site.near);
    const { cursor } = tab.registered as { cursor: string };
    const signal = { recipients: [user], event: 'ring', durable: false, message: { who: 3 } };
    expect(await site.api.notify(signal)).toMatchObject({ status: 200, body: { delivered: [user], offline: [] } });
    expect(await tab.next('ring')).toEqual([{ who: 3 }]);
    await site.api.notify({ recipients: [user], message: { id: 'kept' } });
    const back = await connectAs(site.far, clientToken(user), { auth: { cursor } });
    expect(back.registered).toMatchObject({ recovered: true, replayed: 1 });
    await back.next('receive_message');
    expect(back.all('ring')).toEqual([]);
  });

  test('may name its conversation alone once a notify has named the people', async () => {
    const [ann, ben, conversation] = [newUser(), newUser(), newId()];
    const tab = await page(ben);
    await site.api.notify({
      recipients: [ben],
      message: { id: newId(), sender_id: ann, conversation_id: Number(conversation) },
    });
    const { body } = await farApi(site).notify({
      conversation_id: conversation,
      sender: ann,
      message: { id: newId(), content: 'again' },
    });
    expect(body).toMatchObject({ delivered: [ben], offline: [] });
    await tab.next('receive_message');
    expect(await tab.next('receive_message')).toMatchObject([{ content: 'again' }]);
  });
});
