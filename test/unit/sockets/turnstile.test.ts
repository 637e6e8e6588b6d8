import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createTurnstile } from '../../../relay/sockets/turnstile.js';
import { until } from '../../support/until.js';

function comers(clock: { now: number }) {
  const said: string[] = [];
  const turnstile = createTurnstile(() => clock.now);
  const come = (name: string, gone = false) =>
    turnstile.take({ gone: () => gone, enter: () => said.push(name), refuse: () => said.push(`not ${name}`) });
  return { said, come, turnstile };
}

test('the first enters at once, the others one a turn of the event loop and in their order', async () => {
  const { said, come, turnstile } = comers({ now: 0 });
  for (const name of ['a', 'b', 'c']) come(name);
  expect([said, turnstile.waiting]).toEqual([['a'], 2]);
  await until('all of them', () => said.length === 3);
  expect(said).toEqual(['a', 'b', 'c']);
  await until('an empty queue', () => turnstile.waiting === 0);
  await turn();
  await turn();
  come('d');
  expect(said.at(-1)).toBe('d');
});

test('whoever is gone by then is passed over, and whoever waited too long is told to come again', async () => {
  const clock = { now: 0 };
  const { said, come } = comers(clock);
  come('a');
  come('b', true);
  come('c');
  clock.now = 20_000;
  come('d');
  await until('the last', () => said.includes('d'));
  expect(said).toEqual(['a', 'not c', 'd']);
});
