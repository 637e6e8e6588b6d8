import type { Relay } from '../support/relay.js';

/** Of a relay's own metrics. */
export interface Gauges {
  /** By name without labels, of those that have none. */
  of(name: string): number;
  /** The sum over the labels. */
  sum(name: string): number;
}

export async function readGauges({ internalUrl }: Pick<Relay, 'internalUrl'>): Promise<Gauges> {
  const text = await (await fetch(`${internalUrl}/metrics`)).text();
  const values = (pattern: string) =>
    [...text.matchAll(new RegExp(`^${pattern} (\\S+)$`, 'gm'))].map((match) => Number(match[1]));
  return {
    of(name) {
      const [value] = values(name);
      if (value === undefined) throw new Error(`the relay has no metric ${name}`);
      return value;
    },
    sum: (name) => values(`${name}(?:\\{[^}]*\\})?`).reduce((total, value) => total + value, 0),
  };
}

/** The smallest value that `share` of all do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** One line a figure, for whoever watches. */
export function show(title: string, figures: Readonly<Record<string, number | string>>): void {
  const lines = Object.entries(figures).map(([name, value]) => {
    const text = typeof value === 'number' ? String(Math.round(value * 100) / 100) : value;
    return `  ${name.padEnd(44)} ${text}`;
  });
  process.stdout.write(`${[title, ...lines].join('\n')}\n`);
}
