import { performance } from 'node:perf_hooks';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Metrics, Readings } from '../metrics.js';
import type { ReportingStore } from '../store/figures.js';
import type { Load, Replica } from '../store/store.js';
import { VERSION } from '../version.js';
import { createHistory, type History, type Point, type Reading } from './history.js';
import { createTotals, type Totals } from './totals.js';

/** The figures of the console. */
export interface Stats {
  readonly history: Pick<History, 'start' | 'stop'>;
  /** How busy this replica is, for the others to know. */
  load(): Load;
  /** `GET /stats`. */
  now(): Promise<object>;
  /** `GET /stats/history`: the last hour, a list for each figure. */
  lastHour(): Promise<object>;
}

export interface StatsOptions {
  readonly metrics: Metrics;
  readonly readings: Readings;
  readonly store: ReportingStore;
  readonly isDraining: () => boolean;
  readonly log: Logger;
}

export function createStats({ metrics, readings, store, isDraining, log }: StatsOptions): Stats {
  const totals = createTotals(metrics.registry);
  const since = new Date().toISOString();
  const history = createHistory({
    read: () => read(totals, readings),
    onError: (error) => log.error({ err: error }, 'figures not read'),
  });

  return {
    history,
    load() {
      const { reading, point } = history.latest();
      return loadOf(reading, point);
    },
    async now() {
      const [figures, known, { reading, point, minute }, counted] = await Promise.all([
        store.figures(),
        // an operator wants figures all the more while the store is away
        store.routes.replicas().catch(() => []),
        history.live(),
        allTotals(totals),
      ]);
      return {
        now: new Date(reading.at).toISOString(),
        replica: store.replica,
        version: VERSION,
        since,
        draining: isDraining(),
        store: figures,
        replicas: known.map((replica) => show(replica, loadOf(reading, point))),
        connections: readings.connections(),
        users: reading.users,
        unconfirmed: reading.unconfirmed,
        per_second: { notifies: point.notifies_per_second, delivered: point.delivered_per_second },
        latency: { seconds: 60, notify: minute.notify, deliver: minute.deliver, confirm: minute.confirm },
        busy: point.busy,
        memory: reading.memory,
        totals: counted,
      };
    },
    lastHour: async () => columnsOf(await history.points()),
  };
}

export function addStatsRoutes(app: FastifyInstance, stats: Stats): void {
  app.get('/stats', stats.now);
  app.get('/stats/history', stats.lastHour);
}

async function read(totals: Totals, readings: Readings): Promise<Reading> {
  const [notifies, delivered, memory, notify, deliver, confirm] = await Promise.all([
    totals.sum('relay_notify_total'),
    totals.sum('relay_messages_delivered_total'),
    totals.sum('process_resident_memory_bytes'),
    totals.buckets('relay_notify_seconds'),
    totals.buckets('relay_deliver_seconds'),
    totals.buckets('relay_confirm_seconds'),
  ]);
  const sockets = Object.values(readings.connections()).reduce((sum, count) => sum + count, 0);
  const { active, idle } = performance.eventLoopUtilization();
  const users = readings.registeredUsers();
  const unconfirmed = readings.unconfirmed();
  const at = Date.now();
  return { at, sockets, users, unconfirmed, notifies, delivered, notify, deliver, confirm, active, idle, memory };
}

function loadOf({ sockets, users, unconfirmed, memory }: Reading, point: Point): Load {
  const { notifies_per_second, busy } = point;
  return { sockets, users, unconfirmed, notifies_per_second, busy, memory, version: VERSION };
}

/** Of itself a replica knows better than what it last told the others. */
function show({ id, since, self, load }: Replica, own: Load): object {
  return { id, since: new Date(since).toISOString(), self, load: self ? own : load };
}

async function allTotals(totals: Totals): Promise<object> {
  const entries = await Promise.all([
    named('notifies', totals.by('relay_notify_total', 'status')),
    named('delivered', totals.sum('relay_messages_delivered_total')),
    named('replayed', totals.sum('relay_messages_replayed_total')),
    named('duplicates', totals.by('relay_duplicates_suppressed_total', 'kind')),
    named('rejected', totals.by('relay_rejected_total', 'code')),
    named('disconnects', totals.by('relay_disconnects_total', 'reason')),
    named('slow_consumers', totals.sum('relay_slow_consumers_total')),
    named('identity_mismatches', totals.sum('relay_identity_mismatch_total')),
    named('backend_failures', totals.sum('relay_backend_failures_total')),
    named('store_reconnects', totals.sum('relay_store_reconnects_total')),
    named('legacy_notifies', totals.sum('relay_legacy_notifies_total')),
    named('unknown_events', totals.sum('relay_unknown_events_total')),
  ]);
  return Object.fromEntries(entries);
}

async function named<T>(name: string, value: Promise<T>): Promise<readonly [string, T]> {
  return [name, await value];
}

/** A list a figure, as plots take them. */
function columnsOf(points: readonly Point[]): object {
  return {
    at: points.map(({ at }) => at / 1000),
    sockets: points.map(({ sockets }) => sockets),
    unconfirmed: points.map(({ unconfirmed }) => unconfirmed),
    notifies_per_second: points.map(({ notifies_per_second }) => notifies_per_second),
    delivered_per_second: points.map(({ delivered_per_second }) => delivered_per_second),
    busy: points.map(({ busy }) => busy),
    deliver_p50: points.map(({ deliver }) => deliver.p50),
    deliver_p99: points.map(({ deliver }) => deliver.p99),
    confirm_p50: points.map(({ confirm }) => confirm.p50),
    confirm_p99: points.map(({ confirm }) => confirm.p99),
    notify_p50: points.map(({ notify }) => notify.p50),
    notify_p99: points.map(({ notify }) => notify.p99),
  };
}
