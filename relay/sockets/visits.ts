import type { IncomingMessage } from 'node:http';
import type { Server as EngineServer, Socket as EngineSocket } from 'engine.io';
import type { AddressList } from '../addresses.js';
import type { DeviceCookies } from '../identity/device.js';
import { clientAddress } from './client-address.js';
import { splitCookies } from './cookies.js';
import type { LegacyNotifier } from './legacy-notifier.js';
import { writeTogether } from './one-write.js';
import type { Visit } from './visit.js';

/** Engine.IO forgets all requests of a connection but the first: what the others tell is kept here. */
export interface Visits {
  of(conn: EngineSocket): Visit;
  /** An upgrade request is about to be taken; with `sid` it belongs to a connection that began with polling. */
  upgrade(request: IncomingMessage, sid: string | undefined): void;
}

export interface VisitsOptions {
  readonly engine: EngineServer;
  readonly trustedProxies: AddressList;
  /** Given when browsers are to be recognised by `relay_device`. */
  readonly devices: DeviceCookies | undefined;
  readonly secure: boolean;
  readonly notifier: Pick<LegacyNotifier, 'isStockNotifier'>;
}

/** What Engine.IO's types leave out. */
interface EngineClients {
  readonly clients: Readonly<Record<string, EngineSocket | undefined>>;
}

const VISIT = Symbol('visit');

interface Noted {
  request: IncomingMessage | undefined;
  [VISIT]?: Visit;
}

export function createVisits({ engine, trustedProxies, devices, secure, notifier }: VisitsOptions): Visits {
  const issued = new WeakMap<IncomingMessage, { device: string; header: string }>();
  const { clients } = engine as unknown as EngineClients;

  function open(conn: EngineSocket): Visit {
    const { request } = noted(conn);
    if (request === undefined) throw new Error('a connection whose request is gone, and that was not noted');
    const cookies = splitCookies(request.headers.cookie);
    const visit: Visit = {
      address: clientAddress(request, trustedProxies),
      userAgent: (request.headers['user-agent'] ?? '').slice(0, 256),
      origin: request.headers.origin,
      forwarded: request.headers['x-forwarded-for'] !== undefined,
      notifier: notifier.isStockNotifier(request),
      cookie: cookies.site,
      device: devices?.read(cookies.device, hostOf(request)) ?? issued.get(request)?.device,
      onEvidence: undefined,
      admitted: undefined,
      becameSocket: false,
      asked: false,
      packets: undefined,
      size: 0,
    };
    noted(conn)[VISIT] = visit;
    return visit;
  }

  /** A browser without a cookie of ours is given one, in the 101 response: that is the only one it stores. */
  function issue(request: IncomingMessage): string | undefined {
    if (devices === undefined) return undefined;
    const known = devices.read(splitCookies(request.headers.cookie).device, hostOf(request));
    if (known !== undefined) return known;
    const overTls = secure || request.headers['x-forwarded-proto'] === 'https';
    const cookie = devices.issue(hostOf(request), overTls, request.headers['user-agent'] ?? '');
    issued.set(request, cookie);
    return cookie.device;
  }

  engine.on('connection', (conn: EngineSocket) => {
    if (noted(conn)[VISIT] === undefined) open(conn);
    // all that is wanted of it is in the visit: it would stay, with a browser's 1 to 3 KB of headers, to the end
    noted(conn).request = undefined;
  });
  // about to be answered with 101, and then told Engine.IO's first packet
  engine.on('initial_headers', (_headers: object, request: IncomingMessage) => {
    if (request.headers.upgrade !== undefined) writeTogether(request.socket);
  });
  if (devices !== undefined) {
    engine.on('headers', (headers: Record<string, string>, request: IncomingMessage) => {
      const cookie = issued.get(request);
      if (cookie !== undefined) headers['Set-Cookie'] = cookie.header;
    });
  }

  return {
    of: (conn) => noted(conn)[VISIT] ?? open(conn),
    upgrade(request, sid) {
      const device = issue(request);
      const conn = sid !== undefined && Object.hasOwn(clients, sid) ? clients[sid] : undefined;
      const visit = conn && noted(conn)[VISIT];
      if (visit === undefined) return;
      visit.cookie = splitCookies(request.headers.cookie).site ?? visit.cookie;
      visit.device = device ?? visit.device;
      visit.onEvidence?.();
    },
  };
}

function noted(conn: EngineSocket): Noted {
  return conn as unknown as Noted;
}

/** The host that the browser asked for, without the port: cookies don't know ports. */
function hostOf(request: IncomingMessage): string {
  return (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
}
