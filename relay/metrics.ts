import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { createHotCounter, createHotHistogram, type HotCounter, type HotHistogram } from './hot-metrics.js';

/** What is counted (CONTRACT section 12). Names carry the prefix `relay_`. */
export interface Metrics {
  readonly registry: Registry;
  /** By HTTP status. */
  readonly notifies: HotCounter;
  readonly notifySeconds: HotHistogram;
  readonly deliverSeconds: HotHistogram;
  readonly confirmSeconds: HotHistogram;
  readonly delivered: HotCounter;
  readonly replayed: Counter;
  readonly duplicates: Counter<'kind'>;
  readonly disconnects: Counter<'reason'>;
  readonly rejected: Counter<'code'>;
  readonly identityMismatches: Counter;
  readonly slowConsumers: Counter;
  readonly storeReconnects: Counter;
  readonly backendSeconds: Histogram<'action'>;
  readonly backendFailures: Counter;
  readonly legacyNotifies: Counter;
  readonly unknownEvents: Counter;
}

/** What gauges are read from when they are asked for. */
export interface Readings {
  connections(): Readonly<Record<string, number>>;
  registeredUsers(): number;
  unconfirmed(): number;
  store(): { readonly up: boolean; readonly probeSeconds: number };
}

/** Seconds; a notify takes well under a millisecond in memory, an outage up to many seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `relay_${name}`, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Histogram({ name: `relay_${name}`, help, labelNames, buckets: BUCKETS, registers });

  const hot = (name: string, help: string) => ({ name: `relay_${name}`, help, registry });
  const hotHistogram = (name: string, help: string) => createHotHistogram(hot(name, help), BUCKETS);

  return {
    registry,
    notifies: createHotCounter(hot('notify_total', 'Notifications by HTTP status'), 'status'),
    notifySeconds: hotHistogram('notify_seconds', 'From the request to its answer'),
    deliverSeconds: hotHistogram('deliver_seconds', 'From accepted to written to a socket'),
    confirmSeconds: hotHistogram('confirm_seconds', 'From accepted to confirmed by the client'),
    delivered: createHotCounter(hot('messages_delivered_total', 'Messages written to sockets')),
    replayed: counter('messages_replayed_total', 'Of these, messages replayed from an inbox'),
    duplicates: counter('duplicates_suppressed_total', 'Messages not shown again', 'kind'),
    disconnects: counter('disconnects_total', 'Sockets that ended, by reason', 'reason'),
    rejected: counter('rejected_total', 'Refusals by code', 'code'),
    identityMismatches: counter('identity_mismatch_total', 'Claims that a token or session contradicted'),
    slowConsumers: counter('slow_consumers_total', 'Sockets closed because too much was queued for them'),
    storeReconnects: counter('store_reconnects_total', 'Times that silent store connections were replaced'),
    backendSeconds: histogram('backend_seconds', 'Calls of the PHP backend', 'action'),
    backendFailures: counter('backend_failures_total', 'Calls of the PHP backend that failed'),
    legacyNotifies: counter('legacy_notifies_total', 'Messages from old WebSocket notifiers'),
    unknownEvents: counter('unknown_events_total', 'Page events that nobody answers'),
  };
}

export function addReadings({ registry }: Metrics, readings: Readings): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `relay_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  new Gauge({
    name: 'relay_connections',
    help: 'Open sockets by transport',
    labelNames: ['transport'],
    registers,
    collect() {
      for (const [transport, count] of Object.entries(readings.connections())) this.set({ transport }, count);
    },
  });
  gauge('registered_users', 'Users with a socket on this replica', readings.registeredUsers);
  gauge('unconfirmed', 'Messages written and not yet confirmed', readings.unconfirmed);
  gauge('store_up', '1 while probes through the store come back and it takes writes', () =>
    readings.store().up ? 1 : 0,
  );
  gauge('store_probe_seconds', 'How long the last probe took', () => readings.store().probeSeconds);
}
