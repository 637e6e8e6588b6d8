import { parseArgs } from 'node:util';
import { SERVER_NAMES, type ServerName } from './servers.js';
import { WORKLOAD_NAMES, type WorkloadName } from './workloads/all.js';

export interface Plan {
  readonly workloads: readonly WorkloadName[];
  /** `undefined`: those that the workload names. */
  readonly servers: readonly ServerName[] | undefined;
  readonly notifies: number;
  readonly warmUp: number;
  readonly runs: number;
  readonly quick: boolean;
  /** A path to write to; nothing is written when undefined. */
  readonly json: string | undefined;
}

const FULL = { notifies: 20_000, warmUp: 10_000, runs: 3 };
const QUICK = { notifies: 3_000, warmUp: 2_000, runs: 1 };

export const USAGE = `npm run bench -- [options]
  --workloads LIST  ${WORKLOAD_NAMES.join(', ')} (all)
  --servers LIST    ${SERVER_NAMES.join(', ')} (those that the workload compares and the machine has)
  --notifies N      measured ones of a run (${FULL.notifies})
  --warm-up N       before them, until the JIT compiler has seen enough; of a storm, registrations (${FULL.warmUp})
  --runs N          of each server, one after the other; the best of them counts (${FULL.runs})
  --quick           ${QUICK.notifies}, ${QUICK.warmUp} and ${QUICK.runs} of these, and smaller crowds: to see that it works
  --json FILE       the best figures, and those of every run
Last comes a table of the targets, of those that the run measured.
`;

/** @throws Error saying what is wrong with the arguments */
export function parsePlan(args: readonly string[]): Plan {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      workloads: text,
      servers: text,
      notifies: text,
      'warm-up': text,
      runs: text,
      quick: { type: 'boolean' },
      json: text,
    },
  });
  const usual = values.quick ? QUICK : FULL;
  return {
    workloads: values.workloads === undefined ? WORKLOAD_NAMES : list('workloads', values.workloads, WORKLOAD_NAMES),
    servers: values.servers === undefined ? undefined : list('servers', values.servers, SERVER_NAMES),
    notifies: count('notifies', values.notifies, usual.notifies),
    warmUp: count('warm-up', values['warm-up'], usual.warmUp),
    runs: count('runs', values.runs, usual.runs),
    quick: values.quick ?? false,
    json: values.json,
  };
}

/** Whether its figures may be judged by: shorter ones are for seeing that it works. */
export function isEnough({ runs, warmUp, quick }: Plan): boolean {
  return !quick && runs >= FULL.runs && warmUp >= FULL.warmUp;
}

function count(name: string, given: string | undefined, usual: number): number {
  const value = given === undefined ? usual : Number(given);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a number from 1 on, not ${given}`);
  return value;
}

function list<T extends string>(name: string, given: string, allowed: readonly T[]): T[] {
  return given.split(',').map((item) => {
    const known = allowed.find((value) => value === item.trim());
    if (known === undefined) throw new Error(`--${name} takes ${allowed.join(', ')}, not ${item}`);
    return known;
  });
}
