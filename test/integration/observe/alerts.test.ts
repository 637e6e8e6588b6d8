import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ALERTS, ALERTS_FILE, promtool } from '../../support/prometheus.js';
import { README } from '../../support/readme.js';
import { tempDir } from '../../support/temp.js';
import { CASES, type Case, intervalOf, OWN } from './alert-cases.js';

const PROMETHEUS_YML = new URL('../../../docker/prometheus/prometheus.yml', import.meta.url).pathname;

/** The rules of the file, by the lines of it: name and what follows it. */
const RULES = ALERTS.split(/^ {6}- alert: /m)
  .slice(1)
  .map((text) => ({ name: text.slice(0, text.indexOf('\n')), text }));

test('Prometheus takes the configuration and the rules', async () => {
  const config = await promtool('check', 'config', PROMETHEUS_YML);
  expect(config).toMatchObject({ code: 0, output: expect.stringContaining('1 rule files found') });
  const rules = await promtool('check', 'rules', ALERTS_FILE);
  expect(rules).toMatchObject({ code: 0, output: expect.stringContaining(`${RULES.length} rules found`) });
});

test('each alert fires where it is to, and is silent where there is nearly a reason', async () => {
  for (const { name } of RULES) {
    const both = CASES.filter(({ alert }) => alert === name).map(({ fires }) => fires);
    expect([both.includes(true), both.includes(false)], name).toEqual([true, true]);
  }
  const result = await testRules(CASES);
  expect(result).toMatchObject({ code: 0, output: expect.stringContaining('SUCCESS') });
  // Hours of evaluations: 5 s of a CPU that is free.
}, 60_000);

test('a wrong expectation of an alert would be found', async () => {
  const [first] = CASES;
  if (first === undefined) throw new Error('there is no case');
  const { code, output } = await testRules([{ ...first, fires: !first.fires }]);
  expect([code, output]).toEqual([1, expect.stringContaining('FAILED')]);
});

test('each alert says how grave it is, what is wrong, and by which check of the doctor to begin', () => {
  const table = [...README.matchAll(/^\| (`.*) \| .* \|$/gm)].map(([, cell]) => cell).join(' ');
  for (const { name, text } of RULES) {
    expect(text, name).toMatch(/severity: (critical|warning)/);
    expect(text, name).toMatch(/summary: .+/);
    expect(text, name).toMatch(/action: .+/);
    const checks = /npx relay doctor \(([^)]+)\)/.exec(text)?.[1]?.split(', ') ?? [];
    for (const check of checks) expect(table, `${name} sends one to the doctor`).toContain(`\`${check}\``);
  }
  expect(ALERTS.match(/npx relay doctor \(/g)?.length).toBeGreaterThan(10);
});

async function testRules(cases: readonly Case[]): ReturnType<typeof promtool> {
  const intervals = [...new Set(cases.map(intervalOf))];
  const files = intervals.map((interval) => {
    return testFile(
      cases.filter((one) => intervalOf(one) === interval),
      interval,
    );
  });
  return await promtool('test', 'rules', ...(await Promise.all(files)));
}

/** What promtool reads: JSON is YAML. Cases that are looked at at the same time share a Prometheus. */
async function testFile(cases: readonly Case[], interval: string): Promise<string> {
  const times = [...new Set(cases.map(({ at }) => at))];
  const tests = times.map((at) => {
    const together = cases.filter((one) => one.at === at).map((one, index) => ({ one, own: `case-${index}` }));
    return {
      interval,
      input_series: together.flatMap(({ one, own }) =>
        Object.entries(one.series).map(([name, values]) => ({ series: name.replaceAll(OWN, own), values })),
      ),
      promql_expr_test: together.map(({ one, own }) => ({
        expr: `${firedOf(one, own)} # ${one.when}`,
        eval_time: at,
        exp_samples: [{ labels: '{}', value: one.fires ? 1 : 0 }],
      })),
    };
  });
  const file = join(await tempDir(), 'tests.yml');
  await writeFile(file, JSON.stringify({ rule_files: [ALERTS_FILE], evaluation_interval: interval, tests }));
  return file;
}

/** By which label an alert tells whom it is about, where that is not the replica. */
const ABOUT: Readonly<Record<string, 'code' | 'nobody'>> = { RelayRefusals: 'code', RelayMissing: 'nobody' };

/** 1 where the case's alert was firing at any time in the last half hour. */
function firedOf({ alert }: Case, own: string): string {
  const label = ABOUT[alert] ?? 'instance';
  const whose = label === 'nobody' ? '' : `, ${label}="${own}"`;
  return `count(count_over_time(ALERTS{alertname="${alert}", alertstate="firing"${whose}}[30m])) or vector(0)`;
}
