import { expect, test } from 'vitest';
import { createSteps } from '../../../relay/messages/steps.js';

test('the steps of a message are found in their order, among those of others', () => {
  let time = 100;
  const steps = createSteps(10_000, () => time++);
  for (let id = 0; id < 5_000; id++) steps.add(String(id), 'accepted', '17', '', 50);
  steps.add('7', 'delivered', '17', 'socket', 50);
  expect(steps.of('7', 0)).toEqual([
    { kind: 'accepted', user: '17', by: '', accepted: 50, at: 107 },
    { kind: 'delivered', user: '17', by: 'socket', accepted: 50, at: 5_100 },
  ]);
  expect(steps.of('7', 1_000)).toMatchObject([{ kind: 'delivered' }]);
  expect(steps.of('8000', 0)).toEqual([]);
});

test('over the limit the oldest are forgotten', () => {
  const steps = createSteps(8_192);
  for (let id = 0; id < 20_000; id++) steps.add(String(id), 'accepted', '17', '', 0);
  expect(steps.of('0', 0)).toEqual([]);
  expect(steps.of('19999', 0)).toHaveLength(1);
  expect(steps.of(String(20_000 - 4_096), 0)).toHaveLength(1);
});
