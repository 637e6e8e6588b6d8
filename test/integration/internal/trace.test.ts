import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, farApi, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);

interface Trace {
  recipients: Record<string, { confirmed: string | null; delivered: { socket: string; at: string }[] }>;
}

describe.each(DEPLOYMENTS)('the trace of a message (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  test('tells from any replica who was accepted for, written to, and has confirmed', async () => {
    const [ann, ben, gone] = [newUser(), newUser(), newUser()];
    const pages = await Promise.all([
      connectAs(site.near, clientToken(ann)),
      connectAs(site.far, clientToken(ann)),
      connectAs(site.far, clientToken(ben)),
    ]);
    const id = newId();
    await site.api.notify({ recipients: [ann, gone], message: { id: Number(id), sender_id: ben } });
    for (const api of [site.api, farApi(site)]) {
      const trace = await until('both to have confirmed', async () => {
        const { status, body } = await api.get(`/messages/${id}/trace`);
        const { recipients } = body as Trace;
        const done = status === 200 && recipients[ann]?.delivered.length === 2 && recipients[ann]?.confirmed;
        return done && recipients[ben]?.confirmed && (body as Trace);
      });
      expect(trace).toMatchObject({ id, accepted: ISO });
      const sockets = trace.recipients[ann]?.delivered.map(({ socket }) => socket);
      expect(sockets?.sort()).toEqual([pages[0]?.socket.id, pages[1]?.socket.id].sort());
      expect(trace.recipients[gone]).toEqual({ accepted: ISO, delivered: [], confirmed: null });
      expect(trace.recipients[ann]).toMatchObject({
        accepted: ISO,
        delivered: [{ at: ISO }, { at: ISO }],
        confirmed: ISO,
      });
    }
  });

  test('of a message that nobody knows is 404', async () => {
    const { status, body } = await site.api.get('/messages/nobody-knows-it/trace');
    expect([status, body]).toMatchObject([404, { error: { code: 'not_found' } }]);
  });

  test('is found for ids of every kind', async () => {
    for (const id of ['a/b', '{x}', '%41', 'Zoë 💬', '__proto__', 'a,b?c#d']) {
      const user = newUser();
      await site.api.notify({ recipients: [user], message: { id } });
      const { status, body } = await farApi(site).get(`/messages/${encodeURIComponent(id)}/trace`);
      expect([status, body]).toMatchObject([200, { id, recipients: { [user]: { confirmed: null } } }]);
    }
  });
});
