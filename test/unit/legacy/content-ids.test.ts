import { expect, it } from 'vitest';
import { createContentIds } from '../../../relay/legacy/content-ids.js';
import { parseFieldNames } from '../../../relay/legacy/field-names.js';
import type { LegacyNotify } from '../../../relay/legacy/mapping.js';
import { toNotify } from '../../../relay/legacy/mapping.js';

const notify = (data: object): LegacyNotify => {
  const mapped = toNotify({ name: 'send_message', data, around: {} }, parseFieldNames(''));
  if (mapped.kind !== 'notify') throw new Error('no notify');
  return mapped.notify;
};

it('a message goes by the id that the database gave it', () => {
  expect(createContentIds()(notify({ id: 981, to: 17, text: 'ok' }))).toBe('981');
});

it('without one, equal content is one message for 10 s, and then another', () => {
  const clock = { now: 1_000_000 };
  const idOf = createContentIds(() => clock.now);
  const ok = notify({ to: 17, text: 'ok' });
  const first = idOf(ok);
  clock.now += 9_999;
  expect(idOf(notify({ text: 'ok', to: 17 }))).toBe(first);
  expect(idOf(notify({ to: 18, text: 'ok' }))).not.toBe(first);
  clock.now += 1;
  const second = idOf(ok);
  expect(second).not.toBe(first);
  clock.now += 9_999;
  expect(idOf(ok)).toBe(second);
});
