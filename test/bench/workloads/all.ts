import { fanout } from './fanout.js';
import { notify } from './notify.js';
import type { Workload } from './workload.js';

export const WORKLOADS = { notify, fanout } as const satisfies Readonly<Record<string, Workload>>;

export type WorkloadName = keyof typeof WORKLOADS;
export const WORKLOAD_NAMES = Object.keys(WORKLOADS) as WorkloadName[];
