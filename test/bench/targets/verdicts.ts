import type { WorkloadName } from '../workloads/all.js';
import type { Variants } from './measures.js';
import { TARGETS } from './targets.js';

export interface Verdict {
  readonly figure: string;
  readonly atMost: number;
  readonly measured: number;
  readonly met: boolean;
}

/** Of every target that the run measured; what it did not is left out. */
export function verdictsOn(figures: Readonly<Partial<Record<WorkloadName, Variants>>>): Verdict[] {
  return (Object.keys(TARGETS) as WorkloadName[]).flatMap((workload) =>
    TARGETS[workload].flatMap(({ figure, atMost, measure }) => {
      const measured = measure(figures[workload] ?? {});
      return measured === undefined ? [] : [{ figure, atMost, measured, met: measured <= atMost }];
    }),
  );
}

/**
 * In Markdown; empty where nothing was measured.
 * @param enough whether the run was as long as the targets are meant for
 */
export function verdictTable(verdicts: readonly Verdict[], enough: boolean): string {
  if (verdicts.length === 0) return '';
  const all = Object.values(TARGETS).flat().length;
  const unknown = all - verdicts.length;
  const rows = verdicts.map(
    ({ figure, atMost, measured, met }) =>
      `| ${figure} | ${atMost} | ${measured.toFixed(2)} | ${met ? 'met' : '**missed**'} |`,
  );
  return [
    '',
    enough ? '## Targets' : '## Targets, of a run too short to judge by',
    '',
    '| the relay ÷ a peer, or the relay alone | at most | measured |  |',
    '| --- | ---: | ---: | --- |',
    ...rows,
    ...(unknown === 0
      ? []
      : ['', `${unknown} of ${all} targets were not measured: they need other workloads or servers.`]),
  ].join('\n');
}
