import { expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { deploy, newId, newUser } from '../../support/deployment.js';
import { internalApi } from '../../support/internal.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

test('the users of a replica that was killed are offline within 15 s, and say so to who watches', async () => {
  const { near, far, api } = await deploy('two replicas over Redis');
  const [ann, ben] = [newUser(), newUser()];
  await api.notify({ recipients: [ann, ben], message: { id: newId(), conversation_id: newId() } });
  const watcher = await connectAs(near, clientToken(ann));
  await connectAs(far, clientToken(ben), { reconnection: false });
  expect(await watcher.ask('watch_presence', [ben])).toMatchObject({ [ben]: { online: true } });

  const killed = performance.now();
  await far.kill9();
  expect(await watcher.next('user_offline', 20_000)).toMatchObject([{ user_id: ben }]);
  expect(performance.now() - killed).toBeLessThan(15_000 + 2_000);
  const { body } = await api.notify({ recipients: [ben], message: { id: newId() } });
  expect(body).toMatchObject({ delivered: [], offline: [ben] });
  expect((await api.get(`/presence/${ben}`)).body).toEqual({ user: ben, sockets: [] });
  await until('one replica', async () => {
    const { body: stats } = await api.get('/stats');
    return (stats as { replicas: readonly unknown[] }).replicas.length === 1;
  });
}, 60_000);

test('a replica that stops with its pages, and whom they watch, is gone from the others at once', async () => {
  const { near, far, api } = await deploy('two replicas over Redis');
  const users = Array.from({ length: 20 }, newUser);
  await api.notify({ recipients: users, message: { id: newId(), conversation_id: newId() } });
  const pages = await Promise.all(users.map((user) => connectAs(far, clientToken(user), { reconnection: false })));
  await Promise.all(pages.map((page) => page.ask('watch_presence', users)));
  await far.stop();
  const { body } = await internalApi(near).get('/stats');
  expect((body as { replicas: readonly unknown[] }).replicas).toHaveLength(1);
});

test('what a killed replica had accepted is replayed by another, before what came later', async () => {
  const { near, far, api } = await deploy('two replicas over Redis');
  const user = newUser();
  const page = await connectAs(far, clientToken(user), { reconnection: false });
  const { cursor } = page.registered as { cursor: string };
  const [first, second] = [{ id: newId() }, { id: newId() }];
  await internalApi(far).notify({ recipients: [user], message: first });
  await far.kill9();
  await api.notify({ recipients: [user], message: second });
  const back = await connectAs(near, clientToken(user), { auth: { cursor } });
  expect(back.registered).toMatchObject({ recovered: true, replayed: 2 });
  expect(await back.next('receive_message')).toEqual([first, expect.anything()]);
  expect(await back.next('receive_message')).toEqual([second, expect.anything()]);
});
