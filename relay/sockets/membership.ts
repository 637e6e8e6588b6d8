import type { Logger } from 'pino';
import { RelayError } from '../errors.js';
import type { Identity } from '../identity/identity.js';
import type { Attached, Attaching } from '../messages/attach.js';
import { createOutlet, type Outlet } from '../messages/outlet.js';
import type { Ack, Registered, Socket } from '../protocol.js';
import { cursorOf } from '../store/cursor.js';
import type { Position } from '../store/store.js';
import type { SocketPipe } from './pipe.js';
import type { Visit } from './visit.js';

/** A socket that has a user. */
export interface Member {
  readonly identity: Identity;
  readonly socket: Socket;
  readonly outlet: Outlet;
  /** Registered, told so, and served. Rejects with RelayError `too_many_connections`. */
  readonly ready: Promise<void>;
  /** The same user registers once more, maybe with a cursor. */
  again(identity: Identity, cursor: string | undefined, ack: Ack | undefined): Promise<void>;
  /** The browser showed another name under which to recognise it. */
  recognise(identity: Identity): Promise<void>;
  /** The page said by itself who it is. */
  spoke(): void;
  /** A fresh token of the same user: the socket may stay longer. */
  refresh(identity: Identity): Promise<void>;
  leave(lost: boolean): void;
}

export interface Membership {
  enter(entry: Entry): Member;
  /** Asked at the handshake, where a refusal is cheapest. @throws RelayError `too_many_connections` */
  admit(user: string): Promise<void>;
  /** From now on `meta` follows every durable event. */
  wantMeta(socket: Socket): void;
  /** Messages are missing on a socket that is registered: its page must load its history anew. */
  tellGap(outlet: Outlet, position: Position): void;
}

export interface Entry {
  readonly socket: Socket;
  readonly visit: Visit;
  readonly identity: Identity;
  readonly cursor: string | undefined;
  readonly meta: boolean;
  readonly ack: Ack | undefined;
}

export interface MembershipOptions {
  readonly replica: string;
  readonly attaching: Attaching;
  readonly pipeOf: (socket: Socket) => SocketPipe;
  readonly log: Logger;
  readonly onLeft: (member: Member) => void;
}

/** A token is good for so much longer than its exp, seconds (CONTRACT section 3). */
const LEEWAY = 30;
/** The longest that a timer can run, milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

export function createMembership(options: MembershipOptions): Membership {
  const { replica, attaching, pipeOf, log } = options;
  const wanting = new WeakSet<Socket>();
  const outlets = new WeakMap<Socket, Outlet>();
  const sockets = new WeakMap<Outlet, Socket>();

  function outletFor({ socket, visit, identity, meta, cursor }: Entry): Outlet {
    const record = {
      id: socket.id,
      replica,
      since: Date.now(),
      browser: identity.browser,
      address: visit.address,
      userAgent: visit.userAgent,
      transport: socket.conn.transport.name,
    };
    const outlet = createOutlet(
      identity.user,
      record,
      pipeOf(socket),
      meta || cursor !== undefined || wanting.has(socket),
    );
    outlets.set(socket, outlet);
    sockets.set(outlet, socket);
    return outlet;
  }

  function enter(entry: Entry): Member {
    const { socket, ack } = entry;
    const outlet = outletFor(entry);
    let { identity } = entry;
    let expiry: NodeJS.Timeout | undefined;

    function tell(attached: Attached, to: Ack | undefined): void {
      const answer: Registered = { ok: true, user_id: identity.user, ...attached };
      to?.(answer);
      socket.emit('registered', answer);
    }

    /** Closed by the relay's clock, in a way that lets the page come back with a fresh token. */
    function watchExpiry(): void {
      clearTimeout(expiry);
      if (identity.expires === undefined) return;
      const left = (identity.expires + LEEWAY) * 1000 - Date.now();
      expiry = setTimeout(() => (left > LONGEST_TIMER ? watchExpiry() : expire()), Math.min(left, LONGEST_TIMER));
    }

    function expire(): void {
      log.info({ user: identity.user, socket: socket.id, code: 'token_expired' }, 'closed: the token expired');
      socket.emit('token_expired');
      outlet.pipe.close('token_expired');
    }

    function learn(next: Identity): boolean {
      const known = outlet.record.browser;
      const browser = [...new Set([...next.browser, ...known])].slice(0, 4);
      identity = { ...next, browser };
      outlet.record = { ...outlet.record, browser };
      watchExpiry();
      return browser.length !== known.length;
    }

    const member: Member = {
      get identity() {
        return identity;
      },
      socket,
      outlet,
      ready: attaching.attach(outlet, entry.cursor, (attached) => {
        watchExpiry();
        log.info({ socket: socket.id, user: identity.user, proof: identity.proof, ...told(attached) }, 'registered');
        tell(attached, ack);
      }),
      async again(next, cursor, to) {
        const news = learn(next);
        await attaching.resume(outlet, cursor, (attached) => tell(attached, to));
        if (news) await attaching.recognise(outlet);
      },
      async recognise(next) {
        if (learn(next)) await attaching.recognise(outlet);
      },
      spoke: () => attaching.spoke(outlet),
      async refresh(next) {
        if (next.user !== identity.user) throw new RelayError('identity_mismatch', "the token is another user's");
        if (learn(next)) await attaching.recognise(outlet);
      },
      leave(lost) {
        clearTimeout(expiry);
        attaching.detach(outlet, lost);
        options.onLeft(member);
      },
    };
    return member;
  }

  return {
    enter,
    admit: attaching.admit,
    wantMeta(socket) {
      wanting.add(socket);
      const outlet = outlets.get(socket);
      if (outlet !== undefined) outlet.meta = true;
    },
    tellGap(outlet, position) {
      const cursor = cursorOf(position);
      sockets
        .get(outlet)
        ?.emit('registered', { ok: true, user_id: outlet.user, cursor, recovered: false, replayed: 0 });
    },
  };
}

function told({ recovered, replayed }: Attached): object {
  return { recovered, replayed };
}
