import { expect, it } from 'vitest';
import { saidByJson } from '../../../relay/legacy/envelope.js';
import { parseFieldNames } from '../../../relay/legacy/field-names.js';
import type { ShapeCollector } from '../../../relay/legacy/learn.js';
import { createShapeCollector, printMapping } from '../../../relay/legacy/learn.js';
import { toNotify } from '../../../relay/legacy/mapping.js';
import { describeShape, shapeOf } from '../../../relay/legacy/shapes.js';

const AT = Date.UTC(2025, 4, 28, 10);

const learn = (collector: ShapeCollector, value: unknown, owner = ''): void => {
  const names = parseFieldNames(owner);
  for (const said of saidByJson(value, names)) {
    const mapped = toNotify(said, names);
    if (mapped.kind === 'unmapped') collector.note(mapped.reason, shapeOf(said));
    if (mapped.kind === 'notify' && !mapped.known) collector.note('own_name', shapeOf(said));
  }
};

it('what was seen is printed as a mapping that makes it mappable', () => {
  const collector = createShapeCollector(10, () => AT);
  const unknown = { event: 'nachricht', data: { absender: 3, ziel: 17, inhalt: 'geheim', zeit: 1 } };
  learn(collector, unknown);
  learn(collector, unknown);
  const printed = printMapping(collector.list());
  expect(printed).toContain(
    '# 2 times, last 2025-05-28T10:00:00.000Z: event "nachricht" {absender: number, inhalt: string, zeit: number, ziel: number}',
  );
  expect(printed).not.toContain('geheim');
  const line = /^RELAY_LEGACY_FIELDS=(.*)$/m.exec(printed)?.[1] ?? '';
  expect(line).toBe('sender=absender,recipient=ziel,text=inhalt,event:nachricht=send_message');
  const names = parseFieldNames(line);
  expect(saidByJson(unknown, names).map((said) => toNotify(said, names))).toMatchObject([
    { kind: 'notify', notify: { event: 'receive_message', recipients: ['17'], sender: '3', text: 'geheim' } },
  ]);
});

it('where no name can be guessed, the candidates are told and nothing is proposed', () => {
  const collector = createShapeCollector();
  learn(collector, { event: 'xyz', data: { q1: 17, q2: 'x' } });
  const printed = printMapping(collector.list());
  expect(printed).toContain('add recipient=FIELD, one of: q1, q2');
  expect(printed).not.toContain('RELAY_LEGACY_FIELDS');
});

it('events that go out under a name of their own are told, and reserved ones', () => {
  const collector = createShapeCollector();
  learn(collector, { event: 'alarm', to: 17 });
  learn(collector, { event: 'disconnect', to: 17 });
  const printed = printMapping(collector.list());
  expect(printed).toContain('add event:alarm=send_message');
  expect(printed).toContain('event:disconnect=ignore');
});

it('with nothing seen it says so', () => {
  expect(printMapping(createShapeCollector().list())).toBe('# Nothing unknown was seen since the relay started.\n');
});

it('shapes are bounded in number and size, and hold no contents, not even as keys', () => {
  const collector = createShapeCollector(3);
  for (let n = 0; n < 50; n += 1) learn(collector, { event: `e${'x'.repeat(n % 10)}` });
  expect(collector.list()).toHaveLength(3);
  const many = Object.fromEntries(
    Array.from({ length: 500 }, (_, n) => [`k${String.fromCharCode(97 + (n % 26))}${n}`, n]),
  );
  const [said] = saidByJson({ event: 'x', data: many }, parseFieldNames(''));
  expect(Object.keys(shapeOf(said ?? { name: '', data: {}, around: {} }).fields).length).toBeLessThanOrEqual(40);
  const personal = { 'anna@example.org': 1, '017612345678': 2, 'Hi Bob, how are you?': 3 };
  const shape = describeShape(shapeOf({ name: '+49 176 12345678', data: personal, around: {} }));
  expect(shape).toBe('event "<no identifier>" {<no identifier>: number}');
});
