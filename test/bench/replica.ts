import type { ServerProcess } from './server-process.js';

/** One process of a server. */
export interface Replica {
  readonly process: ServerProcess;
  /** Where pages connect. */
  readonly pagePort: number;
  /** Where PHP calls. */
  readonly callPort: number;
}

export interface ReplicaOptions {
  /** Of its own, and empty but for what other replicas of the same server left there. */
  readonly folder: string;
  /** From 0 on. */
  readonly number: number;
  /** Goes before the command. */
  readonly placement: readonly string[];
  readonly redisUrl: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

export type StartReplica = (options: ReplicaOptions) => Promise<Replica>;
