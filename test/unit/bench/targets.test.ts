import { describe, expect, test } from 'vitest';
import { isEnough, parsePlan } from '../../bench/arguments.js';
import { flatness, largest, linearity, ratioTo, type Variants } from '../../bench/targets/measures.js';
import { TARGETS } from '../../bench/targets/targets.js';
import { verdictsOn, verdictTable } from '../../bench/targets/verdicts.js';

const growing: Variants = {
  '100 users': { relay: { cpu: 20, users: 100, resident: 90, connecting: 10 } },
  '1000 users': { relay: { cpu: 21, users: 1_000, resident: 100, connecting: 12 } },
  '10000 users': { relay: { cpu: 26, users: 10_000, resident: 190, connecting: 11 } },
  '20000 users': { relay: { cpu: 22, users: 20_000, resident: 290, connecting: 10 } },
  '100 users, inboxes full': { relay: { cpu: 24, users: 100, resident: 95, connecting: 10 } },
};

describe('a measure', () => {
  test('of the relay against a peer is the worst of the variants', () => {
    const variants = {
      c1: { relay: { cpu: 30 }, ws: { cpu: 30 } },
      c16: { relay: { cpu: 20 }, ws: { cpu: 25 } },
    };
    expect(ratioTo('ws', 'cpu')(variants)).toBe(1);
    expect(ratioTo('ws', 'cpu', /^c16$/)(variants)).toBe(0.8);
  });

  test('of the relay alone is the largest of its columns and variants', () => {
    expect(largest('connecting', 'notifying')(growing)).toBe(12);
  });

  test('of flatness compares with the first variant, a full inbox apart from many users', () => {
    expect(flatness('cpu', / users$/)(growing)).toBe(1.3);
    expect(flatness('cpu', /full$/)(growing)).toBe(1.2);
  });

  test('of linearity is 1 for a line and more for a curve, whatever lies under it', () => {
    const memory = linearity('users', 'resident', / users$/);
    const squared = Object.fromEntries(
      [1_000, 10_000, 20_000].map((users) => [`${users} users`, { relay: { users, resident: 90 + users ** 2 } }]),
    );
    expect(memory(growing)).toBeCloseTo(1);
    expect(memory(squared)).toBeGreaterThan(2);
  });

  test('is not there where the run lacked a server, a variant or the column', () => {
    const relayAlone = { c16: { relay: { cpu: 20 } } };
    for (const measure of [
      ratioTo('ws', 'cpu'),
      ratioTo('ws', 'cpu', /^c64$/),
      largest('scripts'),
      flatness('cpu', /full$/),
      linearity('users', 'resident', /./),
    ]) {
      expect(measure(relayAlone)).toBeUndefined();
    }
  });
});

test('a target is met at its limit and missed above it', () => {
  const figures = {
    notify: { c16: { relay: { cpu: 25 }, 'express-key': { cpu: 100 }, fastify: { cpu: 30 } } },
  };
  expect(verdictsOn(figures).map(({ atMost, measured, met }) => [atMost, Number(measured.toFixed(2)), met])).toEqual([
    [0.25, 0.25, true],
    [0.75, 0.83, false],
  ]);
});

test('the table tells what holds, what does not, and how much was not measured', () => {
  const figures = { notify: { c16: { relay: { cpu: 25 }, 'express-key': { cpu: 100 }, fastify: { cpu: 30 } } } };
  const all = Object.values(TARGETS).flat().length;
  const lines = verdictTable(verdictsOn(figures), true).split('\n');
  expect(lines).toContain('| CPU a notify, c16 ÷ Express, secret a KeyObject | 0.25 | 0.25 | met |');
  expect(lines).toContain('| CPU a notify, c16 ÷ Fastify | 0.75 | 0.83 | **missed** |');
  expect(lines.at(-1)).toMatch(`${all - 2} of ${all} targets were not measured`);
});

test('a run that was cut short says so before it judges', () => {
  const title = (...args: string[]) => {
    const figures = { notify: { c16: { relay: { cpu: 25 }, fastify: { cpu: 30 } } } };
    return verdictTable(verdictsOn(figures), isEnough(parsePlan(args))).split('\n')[1];
  };
  expect(title()).toBe('## Targets');
  for (const args of [['--quick'], ['--runs', '1'], ['--warm-up', '100']])
    expect(title(...args)).toContain('too short');
});

test('a run that measured no target says nothing of them', () => {
  expect(verdictTable(verdictsOn({}), true)).toBe('');
});
