import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';

describe.each(DEPLOYMENTS)('send_message that PHP is left to persist: hold (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  test('is acknowledged and not forwarded; the notify delivers', async () => {
    const [ann, ben] = [newUser(), newUser()];
    const [sender, recipient] = [
      await connectAs(site.near, clientToken(ann)),
      await connectAs(site.far, clientToken(ben)),
    ];
    const said = { conversation_id: '5', sender_id: ann, recipient_id: ben, content: 'hi' };
    expect(await sender.ask('send_message', said)).toMatchObject({ ok: true });
    expect(await sender.ask('send_message', JSON.stringify(said))).toMatchObject({ ok: true });
    const message = { ...said, id: newId() };
    await site.api.notify({ recipients: [ben], message });
    expect(await recipient.next('receive_message')).toEqual([message]);
    expect(await sender.next('message_sent')).toEqual([{ success: true, message }]);
    expect(recipient.received.map(({ event }) => event)).toEqual(['registered', 'receive_message']);
  });

  test.each([undefined, null, 'hi', 7, [], '[1]'])('is refused as invalid_payload when it is %j', async (payload) => {
    const page = await connectAs(site.far, clientToken(newUser()));
    const refused = { ok: false, error: { code: 'invalid_payload', message: expect.any(String) } };
    expect(await page.ask('send_message', payload)).toEqual(refused);
  });

  test('that no backend is asked for is counted as unknown where it has another name', async () => {
    const page = await connectAs(site.far, clientToken(newUser()));
    expect(await page.ask('get_messages', { conversation_id: 5 })).toMatchObject({ ok: false });
    expect(await page.ask('made_up_by_a_test', { conversation_id: 5 })).toMatchObject({ ok: false });
    const metrics = await (await fetch(`${site.far.internalUrl}/metrics`)).text();
    expect(Number(/^relay_unknown_events_total (\d+)/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(2);
    await site.far.log('the event', (line) => line.event === 'made_up_by_a_test');
  });
});
