import { beforeAll, describe, expect, test } from 'vitest';
import { type Client, connectAs, open, refusal } from '../../support/client.js';
import { DASHBOARD, filled, QUERIES } from '../../support/dashboard.js';
import { deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { startFakeBackend } from '../../support/fake-backend.js';
import { freePort } from '../../support/ports.js';
import { ALERTS_FILE, type Prometheus, startPrometheus } from '../../support/prometheus.js';
import { block, replaced } from '../../support/readme.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const WINDOW = '8s';

let site: Site;
let deadTarget: string;
let prometheus: Prometheus;
let page: Client;
const user = newUser();

beforeAll(async () => {
  const backend = await startFakeBackend(() => ({ ack: { count: 0 } }));
  site = await deploy('two replicas over Redis', { RELAY_BACKEND_URL: backend.url });
  deadTarget = `127.0.0.1:${await freePort()}`;
  const targets = [...[site.near, site.far].map(({ internalUrl }) => new URL(internalUrl).host), deadTarget];
  const written = replaced(block('Prometheus and Grafana', 'yaml'), [
    ["'127.0.0.1:3001'", targets.map((target) => `'${target}'`).join(', ')],
    ['/opt/relay/docker/prometheus/alerts.yml', ALERTS_FILE],
  ]);
  prometheus = await startPrometheus(`global: {scrape_interval: 250ms, evaluation_interval: 250ms}\n${written}`);
  page = await connectAs(site.far, clientToken(user));
}, 40_000);

/** Some of all that the relay counts. */
async function live(): Promise<void> {
  const id = newId();
  await site.api.notify({ recipients: [user], message: { id } });
  await site.api.notify({ recipients: [user], message: { id } });
  await page.next('receive_message');
  await page.ask('getUnreadCount', Number(user));
  await refusal(open(site.far, { auth: { token: 'abc' }, reconnection: false }));
  (await connectAs(site.near, clientToken(newUser()))).close();
}

describe('a Prometheus that is set up as the README says', () => {
  test('scrapes every replica without a token, and tells of one that is away', async () => {
    const up = await until('all targets to be scraped', async () => {
      const samples = await prometheus.query('up{job="relay"}');
      return samples.length === 3 && samples.filter(({ value }) => value === 1).length === 2 && samples;
    });
    expect(up.find(({ value }) => value === 0)?.metric.instance).toBe(deadTarget);
    const { alerts = [] } = await until('the alert', async () => {
      return (await prometheus.rules()).find(({ name, alerts }) => name === 'RelayDown' && alerts.length > 0);
    });
    expect(alerts.map(({ annotations }) => annotations.summary)).toEqual([`The relay ${deadTarget} does not answer.`]);
  });

  test('has something to show in every panel of the dashboard', async () => {
    expect(QUERIES.length).toBeGreaterThan(30);
    const empty = await until(
      'nothing',
      async () => {
        await live();
        const missing = await emptyQueries();
        return missing.length === 0 && 'none';
      },
      30_000,
    ).catch(() => emptyQueries());
    expect(empty).toBe('none');
  }, 45_000);

  test('gives every line of a panel a name of its own', async () => {
    for (const one of QUERIES) {
      const labels = [...one.legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => String(label));
      const samples = await prometheus.query(filled(one, WINDOW));
      if (one.legend === '') continue;
      const names = samples.map(({ metric }) => labels.map((label) => metric[label] ?? 'without').join(' '));
      expect(new Set(names).size, one.name).toBe(samples.length);
      expect(names.join(' '), one.name).not.toContain('without');
    }
  });

  test('offers the replicas to choose from, and shows the chosen one alone', async () => {
    const [query] = DASHBOARD.templating.list.flatMap(({ query }) => (typeof query === 'string' ? [] : [query.query]));
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query ?? '') ?? [];
    const found = await prometheus.get<string[]>(`/label/${label}/values?match[]=${metric}`);
    const replicas = [site.near, site.far].map(({ internalUrl }) => new URL(internalUrl).host);
    expect(found.toSorted()).toEqual(replicas.toSorted());
    const sockets = QUERIES.find(({ name }) => name.startsWith('Sockets by replica'))?.expr ?? '';
    const chosen = await prometheus.query(sockets.replace('$replica', replicas[1] ?? ''));
    expect(chosen.map(({ metric }) => metric.instance)).toEqual([replicas[1]]);
  });

  test('evaluates every alert without an error', async () => {
    const rules = await until('every rule to be evaluated', async () => {
      const all = await prometheus.rules();
      return all.every(({ health }) => health !== 'unknown') && all;
    });
    expect(rules.length).toBeGreaterThan(15);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  });
});

/** The queries without a sample, or with one that is no number: a quantile of nothing is NaN. */
async function emptyQueries(): Promise<string[]> {
  const results = await Promise.all(QUERIES.map((one) => prometheus.query(filled(one, WINDOW))));
  const isEmpty = (index: number) => !results[index]?.some(({ value }) => Number.isFinite(value));
  return QUERIES.filter((_, index) => isEmpty(index)).map(({ name }) => name);
}
