import { Counter, type Metric, type Registry } from 'prom-client';

/**
 * What is counted for every message of the site, as plain numbers that prom-client sees when it is asked: its own
 * `inc` and `observe` build and hash an object of labels a call, 3 % of a 1:1 notify in a CPU profile of `npm run bench`.
 */
export interface HotCounter {
  /** `label`: the value of the counter's one label, if it has one. */
  inc(label?: string | number): void;
}

export interface HotHistogram {
  observe(seconds: number): void;
}

export interface HotOptions {
  readonly name: string;
  readonly help: string;
  readonly registry: Registry;
}

export function createHotCounter({ name, help, registry }: HotOptions, label?: string): HotCounter {
  const counts = new Map<string | number, number>(label === undefined ? [['', 0]] : []);
  new Counter({
    name,
    help,
    labelNames: label === undefined ? [] : [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of counts) this.inc(label === undefined ? {} : { [label]: value }, count);
    },
  });
  return {
    inc(value = '') {
      counts.set(value, (counts.get(value) ?? 0) + 1);
    },
  };
}

/** `buckets`: upper bounds, rising. */
export function createHotHistogram({ name, help, registry }: HotOptions, buckets: readonly number[]): HotHistogram {
  const counts = [...buckets, Number.POSITIVE_INFINITY].map(() => 0);
  let sum = 0;

  function values() {
    let count = 0;
    const cumulative = counts.map((own, index) => {
      count += own;
      return { metricName: `${name}_bucket`, labels: { le: buckets[index] ?? '+Inf' }, value: count };
    });
    const total = { metricName: `${name}_sum`, labels: {}, value: sum };
    return [...cumulative, total, { metricName: `${name}_count`, labels: {}, value: count }];
  }

  const get = async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: values() });
  // all that a registry asks of a metric
  registry.registerMetric({ name, get } as unknown as Metric);
  return {
    observe(seconds) {
      let index = 0;
      while (seconds > (buckets[index] ?? Number.POSITIVE_INFINITY)) index += 1;
      counts[index] = (counts[index] ?? 0) + 1;
      sum += seconds;
    },
  };
}
