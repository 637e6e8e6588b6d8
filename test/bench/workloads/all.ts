import { connect } from './connect.js';
import { fanout } from './fanout.js';
import { growth } from './growth.js';
import { idle } from './idle.js';
import { notify } from './notify.js';
import { replicas } from './replicas.js';
import { sweep } from './sweep.js';
import type { Workload } from './workload.js';

export const WORKLOADS = { notify, fanout, replicas, connect, idle, growth, sweep } as const satisfies Readonly<
  Record<string, Workload>
>;

export type WorkloadName = keyof typeof WORKLOADS;
export const WORKLOAD_NAMES = Object.keys(WORKLOADS) as WorkloadName[];
