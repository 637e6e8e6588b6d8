import { execFileSync, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Which processor runs what; empty where nothing can be pinned. */
export interface Placement {
  /** Goes before a server's command. */
  readonly server: readonly string[];
  /** What helps the generator, as Redis: beside the generator. */
  readonly helper: readonly string[];
  readonly description: string;
}

/** Servers get processor 0, this process, with all its threads, and Redis processor 1. */
export function pin(): Placement {
  const possible = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;
  if (!possible) return { server: [], helper: [], description: 'nothing pinned: the generator disturbs the servers' };
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', '1', String(process.pid)]);
  return {
    server: ['taskset', '--cpu-list', '0'],
    helper: ['taskset', '--cpu-list', '1'],
    description: 'servers on processor 0, the load generator and Redis on processor 1',
  };
}
