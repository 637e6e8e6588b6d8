import type { Health, Store } from './store.js';

/** How much of Redis outlives Redis. `null` fields: it does not say, as a managed Redis that keeps CONFIG to itself. */
export interface Persistence {
  readonly aof_enabled: boolean;
  /** `always`, `everysec` or `no`. */
  readonly aof_fsync: string | null;
  /** The last write of the append-only file worked; `false` is a full or broken disk, and Redis refuses writes. */
  readonly aof_ok: boolean;
  /** Its last rewrite worked. Where the first one fails, as one does for want of room, Redis keeps no such file at all. */
  readonly aof_rewrite_ok: boolean;
  /** Snapshots are taken by themselves. */
  readonly rdb_enabled: boolean | null;
  /** The last snapshot worked. */
  readonly rdb_ok: boolean;
  /** `stop-writes-on-bgsave-error`: after a snapshot that failed Redis refuses writes until one works. */
  readonly rdb_stops_writes: boolean | null;
  /** What Redis does when its memory is full: anything but `noeviction` throws inboxes away. */
  readonly maxmemory_policy: string | null;
}

/** `store` of `GET /stats`. `persistence` is `null` in memory, and while Redis does not answer. */
export interface StoreFigures {
  readonly kind: 'memory' | 'redis';
  readonly up: boolean;
  readonly reason: string;
  /** How long the last probe through the publish path took, seconds. */
  readonly probe_seconds: number;
  readonly persistence: Persistence | null;
}

/** A store that also tells operators about itself; never rejects. */
export interface ReportingStore extends Store {
  figures(): Promise<StoreFigures>;
}

export function storeFigures(
  kind: StoreFigures['kind'],
  { up, reason, probeSeconds }: Health,
  persistence: Persistence | null,
): StoreFigures {
  return { kind, up, reason, probe_seconds: probeSeconds, persistence };
}
