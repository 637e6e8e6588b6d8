import type { Server as EngineServer, Socket as EngineSocket } from 'engine.io';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { RelayError } from '../errors.js';
import type { Metrics } from '../metrics.js';
import { createRate } from '../rate.js';
import { createLimits } from './limits.js';
import type { Visits } from './visits.js';

/** Engine.IO connections, from the first packet to the last: also those that never ask for a socket, or gave it back. */
export interface Connections {
  /** Whether it came within the caps. @throws RelayError `too_many_connections` with its `scope` */
  admit(conn: EngineSocket): void;
  /** It became a socket: its end is told as the socket's. */
  became(conn: EngineSocket): void;
}

export interface ConnectionsOptions {
  readonly engine: EngineServer;
  readonly visits: Visits;
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** How many packets may come at once, as a multiple of the rate. */
export const BURST = 5;
/** Socket.IO's packet types event and binary event, which are counted once they are decoded. */
const EVENT_TYPES = new Set(['2', '5']);

export function watchConnections({ engine, visits, config, metrics, log }: ConnectionsOptions): Connections {
  const limits = createLimits({ total: config.maxConnections, perAddress: config.maxConnectionsPerIp });
  const refusals = new WeakMap<EngineSocket, RelayError | undefined>();
  const sockets = new WeakSet<EngineSocket>();

  /** Counted when it is first heard of: a v2 browser is a socket before Engine.IO tells of its connection. */
  function count(conn: EngineSocket): RelayError | undefined {
    if (refusals.has(conn)) return refusals.get(conn);
    const { address } = visits.of(conn);
    const refusal = refusalOf(address);
    refusals.set(conn, refusal);
    if (refusal === undefined) conn.once('close', () => limits.leave(address));
    return refusal;
  }

  function refusalOf(address: string): RelayError | undefined {
    try {
      limits.enter(address);
      return undefined;
    } catch (error) {
      if (error instanceof RelayError) return error;
      throw error;
    }
  }

  /** Asking for sockets again and again, acks that nobody waits for: what is no event has the rate of events. */
  function watchPackets(conn: EngineSocket): void {
    const rate = createRate(config.eventRate, config.eventRate * BURST);
    conn.on('packet', ({ type, data }: { type: string; data?: unknown }) => {
      if (type !== 'message' || conn.readyState !== 'open') return;
      if ((typeof data === 'string' && EVENT_TYPES.has(data.charAt(0))) || rate.take()) return;
      metrics.rejected.inc({ code: 'rate_limited' });
      log.warn({ code: 'rate_limited', address: visits.of(conn).address }, 'refused: too many packets a second');
      conn.close();
    });
  }

  engine.on('connection', (conn: EngineSocket) => {
    count(conn);
    watchPackets(conn);
    conn.once('close', (reason: string) => {
      if (sockets.has(conn)) return;
      log.info({ address: visits.of(conn).address, reason }, 'a connection ended that had not become a socket');
    });
  });

  return {
    admit(conn) {
      const refusal = count(conn);
      if (refusal !== undefined) throw refusal;
    },
    became: (conn) => void sockets.add(conn),
  };
}
