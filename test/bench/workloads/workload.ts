import type { Figures } from '../measure/statistics.js';
import type { Placement } from '../placement.js';
import type { ServerName } from '../servers.js';

/** A column of a table; figures of the same name are compared and joined over runs. */
export interface Column {
  readonly name: string;
  readonly title: string;
  readonly digits: number;
  /** Better when larger; else the smallest of the runs counts. */
  readonly largest?: true;
  /** A second column says how many times this the relay needs. */
  readonly compared?: true;
  /** From here on the load generator was the limit, and not the server: the table marks it. */
  readonly saturatedFrom?: number;
}

/** Of what every workload tells that measures how long something takes. The busiest of the runs counts. */
export const BUSY: Column = {
  name: 'busy',
  title: 'generator busy, %',
  digits: 0,
  largest: true,
  saturatedFrom: 90,
};

export interface Settings {
  readonly placement: Placement;
  /** Measured notifies of a run. */
  readonly notifies: number;
  /** Notifies before it, or registrations where those are measured, until the JIT compiler has seen enough. */
  readonly warmUp: number;
  readonly quick: boolean;
}

export interface Workload {
  readonly title: string;
  /** Who takes part unless told otherwise. */
  readonly servers: readonly ServerName[];
  readonly columns: readonly Column[];
  /** One run against one server, which is started for it. Figures by variant; a table is made of each. */
  run(server: ServerName, settings: Settings): Promise<ReadonlyMap<string, Figures>>;
}
