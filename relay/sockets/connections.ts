import type { Socket as EngineSocket } from 'engine.io';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { RelayError } from '../errors.js';
import type { Metrics } from '../metrics.js';
import { createRate } from '../rate.js';
import { createLimits } from './limits.js';
import type { Visit } from './visit.js';
import type { Visits } from './visits.js';

/** Engine.IO connections, from the first packet to the last: also those that never ask for a socket, or gave it back. */
export interface Connections {
  open(conn: EngineSocket): void;
  /** Whether a message of it, in Socket.IO's terms a packet, makes an event larger than may be. Asked once for each. */
  isTooLarge(conn: EngineSocket, data: unknown): boolean;
  /** Whether a message of it is to be read. One that sends too many is closed. */
  mayCome(conn: EngineSocket, data: unknown): boolean;
  close(conn: EngineSocket, reason: string): void;
  /** Whether it came within the caps. @throws RelayError `too_many_connections` with its `scope` */
  admit(conn: EngineSocket): void;
}

export interface ConnectionsOptions {
  readonly visits: Visits;
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** How many packets may come at once, as a multiple of the rate. */
export const BURST = 5;
/** Socket.IO's packet types event and binary event, which are counted once they are decoded. */
const EVENT_TYPES = new Set(['2', '5']);

export function createConnections({ visits, config, metrics, log }: ConnectionsOptions): Connections {
  const limits = createLimits({ total: config.maxConnections, perAddress: config.maxConnectionsPerIp });

  function count(visit: Visit): Visit['admitted'] {
    if (visit.admitted !== undefined) return visit.admitted;
    visit.admitted = refusalOf(visit.address) ?? 'within';
    return visit.admitted;
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
  function isDue(visit: Visit, data: unknown): boolean {
    if (typeof data === 'string' && EVENT_TYPES.has(data.charAt(0))) return true;
    if (!visit.asked) {
      visit.asked = true;
      return true;
    }
    visit.packets ??= createRate(config.eventRate, config.eventRate * BURST);
    return visit.packets.take();
  }

  return {
    open(conn) {
      count(visits.of(conn));
    },
    isTooLarge(conn, data) {
      const visit = visits.of(conn);
      // the binary parts of an event follow it, each in a packet of its own
      if (typeof data === 'string') visit.size = Buffer.byteLength(data);
      else if (Buffer.isBuffer(data)) visit.size += data.length;
      return visit.size > config.maxPayload;
    },
    mayCome(conn, data) {
      const visit = visits.of(conn);
      if (conn.readyState !== 'open') return false;
      if (isDue(visit, data)) return true;
      metrics.rejected.inc({ code: 'rate_limited' });
      log.warn({ code: 'rate_limited', address: visit.address }, 'refused: too many packets a second');
      conn.close();
      return false;
    },
    close(conn, reason) {
      const visit = visits.of(conn);
      if (visit.admitted === 'within') limits.leave(visit.address);
      if (visit.becameSocket) return;
      log.debug({ address: visit.address, reason }, 'a connection ended that had not become a socket');
    },
    admit(conn) {
      const admitted = count(visits.of(conn));
      if (admitted instanceof RelayError) throw admitted;
    },
  };
}
