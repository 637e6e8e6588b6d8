import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createLeaving } from '../../../relay/messages/leaving.js';

/** A store that can be away, and whom it was told to have left. */
function openStore() {
  const left: string[] = [];
  const store = {
    away: false,
    left,
    async leave(_user: string, socketId: string) {
      if (store.away) throw new Error('away');
      left.push(socketId);
    },
  };
  return store;
}

test('who left while the store was away is told before the end, once it is back', async () => {
  const store = openStore();
  const leaving = createLeaving(store, pino({ level: 'silent' }));
  const sockets = Array.from({ length: 500 }, (_, index) => `socket ${index}`);
  store.away = true;
  for (const socket of sockets) leaving.leave('17', socket, undefined);
  await Promise.allSettled(sockets.map(leaving.told));
  store.away = false;
  leaving.leave('17', 'the last', undefined);
  await leaving.idle();
  expect(store.left).toEqual(['the last', ...sockets]);
});

test('a store that stays away does not hold the end up', async () => {
  const store = openStore();
  const leaving = createLeaving(store, pino({ level: 'silent' }));
  store.away = true;
  leaving.leave('17', 'socket', undefined);
  await leaving.idle();
  store.away = false;
  await leaving.retell();
  expect(store.left).toEqual(['socket']);
});
