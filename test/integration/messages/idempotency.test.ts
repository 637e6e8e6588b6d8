import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, farApi, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';

describe.each(DEPLOYMENTS)('a notify that is sent again (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  test('is shown to nobody twice, whichever replica it is sent to, and tells presence now', async () => {
    const [here, gone, sender] = [newUser(), newUser(), newUser()];
    const tab = await connectAs(site.far, clientToken(here));
    const own = await connectAs(site.far, clientToken(sender));
    const notification = { recipients: [here, gone, sender], message: { id: Number(newId()), sender_id: sender } };
    const first = { id: String(notification.message.id), delivered: [here], offline: [gone] };
    expect((await site.api.notify(notification)).body).toEqual({ ...first, duplicate: false });
    await connectAs(site.near, clientToken(gone));
    const again = { ...first, duplicate: true, delivered: [here, gone], offline: [] };
    expect((await site.api.notify(notification)).body).toEqual(again);
    const other = { ...notification, id: String(notification.message.id) };
    expect((await farApi(site).notify(other)).body).toEqual(again);
    await site.api.notify({ recipients: [here, sender], message: { id: 'last' } });
    await tab.next('receive_message');
    for (const page of [tab, own]) expect(await page.next('receive_message')).toEqual([{ id: 'last' }]);
    expect(tab.received.filter(({ event }) => event !== 'registered')).toHaveLength(2);
    expect(own.all('message_sent')).toHaveLength(1);
  });

  test('reaches one recipient more, and those who had it not again', async () => {
    const [ann, ben] = [newUser(), newUser()];
    const pages = await Promise.all([ann, ben].map((user) => connectAs(site.far, clientToken(user))));
    const message = { id: newId(), content: 'once' };
    await site.api.notify({ recipients: [ann], message });
    const { body } = await site.api.notify({ recipients: [ann, ben], message });
    expect(body).toMatchObject({ duplicate: false, delivered: [ann, ben] });
    await site.api.notify({ recipients: [ann, ben], message: { id: newId(), content: 'end' } });
    for (const page of pages) {
      await page.next('receive_message');
      expect(await page.next('receive_message')).toMatchObject([{ content: 'end' }]);
      expect(page.all('receive_message')).toHaveLength(2);
    }
  });

  test('with another event name is another message', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user));
    const id = newId();
    await site.api.notify({ recipients: [user], message: { id } });
    const { body } = await site.api.notify({ recipients: [user], event: 'message_edited', message: { id } });
    expect(body).toMatchObject({ duplicate: false });
    await page.next('message_edited');
  });

  test('many times at once is one', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user));
    const notification = { recipients: [user], message: { id: newId() } };
    const far = farApi(site);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? site.api : far).notify(notification)),
    );
    const duplicates = answers.map(({ body }) => (body as { duplicate: boolean }).duplicate);
    expect(duplicates.filter((duplicate) => !duplicate)).toHaveLength(1);
    await site.api.notify({ recipients: [user], message: { id: 'end' } });
    await page.next('receive_message');
    expect(await page.next('receive_message')).toEqual([{ id: 'end' }]);
  });
});
