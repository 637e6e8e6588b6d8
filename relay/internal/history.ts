import { type Buckets, bucketsSince, countOf, quantile } from './quantile.js';

/** What is counted at one moment; counts and histograms rise from the start of the process on. */
export interface Reading {
  /** Unix milliseconds. */
  readonly at: number;
  readonly sockets: number;
  readonly users: number;
  readonly unconfirmed: number;
  readonly notifies: number;
  readonly delivered: number;
  readonly notify: Buckets;
  readonly deliver: Buckets;
  readonly confirm: Buckets;
  /** How long the event loop has worked and waited, milliseconds. */
  readonly active: number;
  readonly idle: number;
  /** Resident memory, bytes. */
  readonly memory: number;
}

/** What went on between two readings. Latencies in seconds, `null` where there was nothing to measure. */
export interface Point {
  /** The end of it, Unix milliseconds. */
  readonly at: number;
  readonly sockets: number;
  readonly unconfirmed: number;
  readonly notifies_per_second: number;
  readonly delivered_per_second: number;
  readonly notify: Latency;
  readonly deliver: Latency;
  readonly confirm: Latency;
  /** 0 to 1. */
  readonly busy: number;
}

export interface Latency {
  readonly p50: number | null;
  readonly p99: number | null;
  readonly count: number;
}

/** The last hour of one replica, a point every 10 s, kept in its memory: about 100 kB. */
export interface History {
  /** Takes the first reading, and from then on one every 10 s. */
  start(): Promise<void>;
  stop(): void;
  /** The newest reading, at most 10 s old, and what went on in the 10 s before it. */
  latest(): { readonly reading: Reading; readonly point: Point };
  /** What goes on now: rates over the last 10 to 20 s, latencies over the last minute. */
  live(): Promise<{ readonly reading: Reading; readonly point: Point; readonly minute: Point }>;
  /** Oldest first; the last one is what has passed of the current 10 s. */
  points(): Promise<readonly Point[]>;
}

/** Milliseconds. */
const EVERY = 10_000;
/** Points of an hour, readings of a minute. */
const POINTS = 360;
const READINGS = 6;

export interface HistoryOptions {
  readonly read: () => Promise<Reading>;
  readonly onError: (error: unknown) => void;
}

export function createHistory({ read, onError }: HistoryOptions): History {
  const points: Point[] = [];
  const readings: [Reading, ...Reading[]] = [NOTHING];
  let timer: NodeJS.Timeout | undefined;

  const newest = () => readings.at(-1) ?? readings[0];

  async function sample(): Promise<void> {
    const reading = await read();
    points.push(pointBetween(newest(), reading));
    if (points.length > POINTS) points.shift();
    readings.push(reading);
    if (readings.length > READINGS) readings.shift();
  }

  return {
    async start() {
      readings[0] = await read();
      timer = setInterval(() => sample().catch(onError), EVERY);
      timer.unref();
    },
    stop: () => clearInterval(timer),
    latest() {
      const reading = newest();
      return { reading, point: points.at(-1) ?? pointBetween(reading, reading) };
    },
    async live() {
      const reading = await read();
      const point = pointBetween(readings.at(-2) ?? readings[0], reading);
      return { reading, point, minute: pointBetween(readings[0], reading) };
    },
    async points() {
      return [...points, pointBetween(newest(), await read())];
    },
  };
}

/** Before the first reading. */
const NOTHING: Reading = {
  at: 0,
  sockets: 0,
  users: 0,
  unconfirmed: 0,
  notifies: 0,
  delivered: 0,
  notify: [],
  deliver: [],
  confirm: [],
  active: 0,
  idle: 0,
  memory: 0,
};

export function pointBetween(before: Reading, after: Reading): Point {
  // right after a start a single message would make thousands a second
  const seconds = Math.max(1, (after.at - before.at) / 1000);
  const active = after.active - before.active;
  const passed = active + after.idle - before.idle;
  return {
    at: after.at,
    sockets: after.sockets,
    unconfirmed: after.unconfirmed,
    notifies_per_second: (after.notifies - before.notifies) / seconds,
    delivered_per_second: (after.delivered - before.delivered) / seconds,
    notify: latencyBetween(before.notify, after.notify),
    deliver: latencyBetween(before.deliver, after.deliver),
    confirm: latencyBetween(before.confirm, after.confirm),
    busy: passed > 0 ? active / passed : 0,
  };
}

function latencyBetween(before: Buckets, after: Buckets): Latency {
  const counted = bucketsSince(before, after);
  return { p50: quantile(0.5, counted), p99: quantile(0.99, counted), count: countOf(counted) };
}
