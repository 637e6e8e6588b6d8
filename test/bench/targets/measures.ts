import type { Figures } from '../measure/statistics.js';
import type { Summary } from '../report.js';
import type { ServerName } from '../servers.js';

/** A workload's best figures, by variant. */
export type Variants = Readonly<Record<string, Summary>>;

/** One number of a workload, `undefined` when the run did not measure what it needs. Of several variants the worst. */
export type Measure = (variants: Variants) => number | undefined;

/** How much of what the server needs the relay does. */
export function ratioTo(server: ServerName, column: string, variant = /./): Measure {
  return (variants) =>
    worst(matching(variants, variant).map(({ relay, [server]: other }) => ratio(relay, other, column)));
}

/** The relay's own figure, and of several columns the largest. */
export function largest(...columns: readonly string[]): Measure {
  return (variants) => worst(matching(variants, /./).flatMap(({ relay }) => columns.map((column) => relay?.[column])));
}

/** How many times what the relay needs in the first variant it needs in others. */
export function flatness(column: string, variant: RegExp): Measure {
  return (variants) => {
    const [first, ...others] = Object.entries(variants);
    const compared = others.filter(([name]) => variant.test(name));
    return worst(compared.map(([, { relay }]) => ratio(relay, first?.[1].relay, column)));
  };
}

/**
 * How much steeper the last stretch is than the one before it: 1 for a line, 2 and more for a square. Less would be as
 * good, and what lies below those stretches, where constants are the most of it, is left out.
 */
export function linearity(x: string, y: string, variant: RegExp): Measure {
  return (variants) => {
    const [a, b, c] = matching(variants, variant)
      .map(({ relay }) => relay)
      .slice(-3);
    const [before, last] = [slope(a, b, x, y), slope(b, c, x, y)];
    return before && last ? last / before : undefined;
  };
}

function matching(variants: Variants, variant: RegExp): Summary[] {
  return Object.entries(variants)
    .filter(([name]) => variant.test(name))
    .map(([, summary]) => summary);
}

function ratio(figures: Figures | undefined, others: Figures | undefined, column: string): number | undefined {
  const [own, other] = [figures?.[column], others?.[column]];
  return own === undefined || !other ? undefined : own / other;
}

function slope(a: Figures | undefined, b: Figures | undefined, x: string, y: string): number | undefined {
  const [fromX, toX, fromY, toY] = [a?.[x], b?.[x], a?.[y], b?.[y]];
  if (fromX === undefined || toX === undefined || fromY === undefined || toY === undefined) return undefined;
  return (toY - fromY) / (toX - fromX);
}

function worst(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
