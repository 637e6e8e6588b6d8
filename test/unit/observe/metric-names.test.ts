import { describe, expect, test } from 'vitest';
import { addReadings, createMetrics } from '../../../relay/metrics.js';
import { DASHBOARD, QUERIES } from '../../support/dashboard.js';
import { ALERTS } from '../../support/prometheus.js';

/** Names as queries use them: a histogram has three each. */
async function metricNames(): Promise<string[]> {
  const metrics = createMetrics();
  const nothing = { connections: () => ({}), registeredUsers: () => 0, unconfirmed: () => 0 };
  addReadings(metrics, { ...nothing, store: () => ({ up: true, probeSeconds: 0 }) });
  return (await metrics.registry.getMetricsAsJSON()).map(({ name }) => name);
}

const used = (text: string): string[] => {
  const names = text.match(/\b(relay|nodejs|process)_[a-z0-9_]+/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_seconds_(bucket|count|sum)$/, '_seconds')))];
};

describe('the dashboard and the alerts', () => {
  test('use no metric that the relay does not have', async () => {
    const known = await metricNames();
    const variables = JSON.stringify(DASHBOARD.templating);
    const names = used(`${QUERIES.map(({ expr }) => expr).join('\n')}\n${ALERTS}\n${variables}`);
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });

  test('leave no metric of the relay out: each is in a panel', async () => {
    const shown = used(QUERIES.map(({ expr }) => expr).join('\n'));
    const own = (await metricNames()).filter((name) => name.startsWith('relay_'));
    expect(own.length).toBeGreaterThan(20);
    expect(own.filter((name) => !shown.includes(name))).toEqual([]);
  });
});

describe('the dashboard', () => {
  test('has a title, an explanation and a data source that can be chosen for each panel', () => {
    const panels = DASHBOARD.panels.filter(({ type }) => type !== 'row');
    expect(new Set(DASHBOARD.panels.map(({ id }) => id)).size).toBe(DASHBOARD.panels.length);
    for (const { title, description, datasource, targets } of panels) {
      expect([title, description], title).toEqual([expect.stringMatching(/./), expect.stringMatching(/./)]);
      expect(datasource?.uid, title).toBe('$'.concat('{datasource}'));
      expect(targets?.length, title).toBeGreaterThan(0);
    }
    expect(DASHBOARD.templating.list.map(({ name }) => name)).toEqual(['datasource', 'replica']);
  });

  test('has no two panels in one place, and none beyond the edge', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of DASHBOARD.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.get(`${x} ${y}`), title).toBeUndefined();
          taken.set(`${x} ${y}`, title);
        }
      }
    }
  });
});
