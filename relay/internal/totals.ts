import type { Metric, Registry } from 'prom-client';
import type { Buckets } from './quantile.js';

/** What the metrics of CONTRACT section 12 stand at, read by their names without disturbing what Prometheus sees. */
export interface Totals {
  /** A counter as a whole. */
  sum(name: string): Promise<number>;
  /** A counter by one of its labels, only what has been counted at all. */
  by(name: string, label: string): Promise<Readonly<Record<string, number>>>;
  /** A histogram without labels. */
  buckets(name: string): Promise<Buckets>;
}

export function createTotals(registry: Registry): Totals {
  async function valuesOf(name: string) {
    const metric: Metric | undefined = registry.getSingleMetric(name);
    if (metric === undefined) throw new Error(`no metric ${name}`);
    return (await metric.get()).values;
  }

  return {
    async sum(name) {
      return (await valuesOf(name)).reduce((sum, { value }) => sum + value, 0);
    },
    async by(name, label) {
      const values: readonly { labels: Readonly<Record<string, unknown>>; value: number }[] = await valuesOf(name);
      return Object.fromEntries(values.map(({ labels, value }) => [String(labels[label] ?? ''), value]));
    },
    async buckets(name) {
      const values: readonly { labels: Readonly<Record<string, unknown>>; value: number }[] = await valuesOf(name);
      return values.flatMap(({ labels: { le }, value }) =>
        le === undefined ? [] : [[le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), value] as const],
      );
    },
  };
}
