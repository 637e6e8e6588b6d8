import type { Logger } from 'pino';
import { RelayError } from '../errors.js';
import type { Identity } from '../identity/identity.js';
import type { Attaching } from '../messages/attach.js';
import { createOutlet, type Ending, type Outlet } from '../messages/outlet.js';
import { encodeEvent } from '../messages/packet.js';
import type { Attached } from '../messages/resuming.js';
import type { Ack, Registered } from '../protocol.js';
import { withNames } from '../store/browser.js';
import { cursorOf } from '../store/cursor.js';
import type { Position } from '../store/store.js';
import { createExpiries } from './expiries.js';
import type { PageSocket } from './page-sockets.js';
import type { SocketPipe } from './pipe.js';
import type { Visit } from './visit.js';

/** A socket that has a user. */
export interface Member {
  readonly socket: PageSocket;
  readonly outlet: Outlet;
  identity: Identity;
  /** By what it is taken back that its socket ends with its token. */
  expiry: number | undefined;
}

export interface Membership {
  /** `ready`: registered, told so, and served. Rejects with RelayError `too_many_connections`. */
  enter(entry: Entry): { readonly member: Member; readonly ready: Promise<void> };
  /** Asked at the handshake, where a refusal is cheapest. @throws RelayError `too_many_connections` */
  admit(identity: Identity): Promise<void>;
  /** The same user registers once more, maybe with a cursor. */
  again(member: Member, identity: Identity, cursor: string | undefined, ack: Ack | undefined): Promise<void>;
  /** The browser showed another name under which to recognise it. */
  recognise(member: Member, identity: Identity): Promise<void>;
  /** The page said by itself who it is. */
  spoke(member: Member): void;
  /** It goes another way than it came, by WebSocket after polling. */
  upgraded(member: Member): void;
  /** A fresh token of the same user: the socket may stay longer. */
  refresh(member: Member, identity: Identity): Promise<void>;
  leave(member: Member, ending: Ending): void;
  /** Messages are missing on a socket that is registered: its page must load its history anew. */
  tellGap(outlet: Outlet, position: Position): void;
}

export interface Entry {
  readonly socket: PageSocket;
  readonly pipe: SocketPipe;
  readonly visit: Visit;
  readonly identity: Identity;
  readonly cursor: string | undefined;
  readonly meta: boolean;
  readonly ack: Ack | undefined;
}

export interface MembershipOptions {
  readonly replica: string;
  readonly attaching: Attaching;
  readonly log: Logger;
  readonly onLeft: (member: Member) => void;
}

/** A token is good for so much longer than its exp, seconds (CONTRACT section 3). */
const LEEWAY = 30;

export function createMembership({ replica, attaching, log, onLeft }: MembershipOptions): Membership {
  const expiries = createExpiries(expire);

  function outletFor({ socket, pipe, visit, identity, meta, cursor }: Entry): Outlet {
    const record = {
      id: socket.id,
      replica,
      since: Date.now(),
      browser: identity.browser,
      address: visit.address,
      userAgent: visit.userAgent,
      transport: socket.conn.transport.name,
    };
    return createOutlet(identity.user, record, pipe, meta || cursor !== undefined);
  }

  function tell({ outlet }: Member, attached: Attached, to: Ack | undefined): void {
    const answer: Registered = { ok: true, user_id: outlet.user, ...attached };
    to?.(answer);
    say(outlet, answer);
  }

  /** Closed by the relay's clock, in a way that lets the page come back with a fresh token. */
  function watchExpiry(member: Member): void {
    forgetExpiry(member);
    const { expires } = member.identity;
    if (expires !== undefined) member.expiry = expiries.add(member, (expires + LEEWAY) * 1000 - Date.now());
  }

  function forgetExpiry(member: Member): void {
    if (member.expiry !== undefined) expiries.delete(member, member.expiry);
    member.expiry = undefined;
  }

  function expire({ identity, socket, outlet }: Member): void {
    log.info({ user: identity.user, socket: socket.id, code: 'token_expired' }, 'closed: the token expired');
    socket.emit('token_expired');
    outlet.pipe.close('token_expired');
  }

  /** @returns whether it is known under a further name */
  function learn(member: Member, next: Identity): boolean {
    const { outlet } = member;
    const known = outlet.record.browser;
    const browser = withNames(next.browser, known);
    member.identity = { ...next, browser, ...latest(next, member.identity) };
    outlet.record = { ...outlet.record, browser };
    watchExpiry(member);
    return next.browser.some((name) => !known.includes(name));
  }

  async function recognise(member: Member, next: Identity): Promise<void> {
    if (learn(member, next)) await attaching.recognise(member.outlet);
  }

  return {
    enter(entry) {
      const { socket, identity, ack } = entry;
      const member: Member = { socket, outlet: outletFor(entry), identity, expiry: undefined };
      const ready = attaching.attach(member.outlet, entry.cursor, (attached) => {
        watchExpiry(member);
        const { user, proof } = member.identity;
        log.debug({ socket: socket.id, user, proof, ...told(attached) }, 'registered');
        tell(member, attached, ack);
      });
      return { member, ready };
    },
    admit: ({ user, browser }) => attaching.admit(user, browser, replica),
    async again(member, next, cursor, to) {
      const news = learn(member, next);
      await attaching.resume(member.outlet, cursor, (attached) => tell(member, attached, to));
      if (news) await attaching.recognise(member.outlet);
    },
    recognise,
    spoke: ({ outlet }) => attaching.spoke(outlet),
    upgraded({ outlet, socket }) {
      outlet.record = { ...outlet.record, transport: socket.conn.transport.name };
      attaching.revise(outlet);
    },
    async refresh(member, next) {
      if (next.user !== member.identity.user) {
        throw new RelayError('identity_mismatch', "the token is another user's");
      }
      await recognise(member, next);
    },
    leave(member, ending) {
      forgetExpiry(member);
      attaching.detach(member.outlet, speaks(member) ? ending : certain(ending));
      onLeft(member);
    },
    tellGap(outlet, position) {
      say(outlet, { ok: true, user_id: outlet.user, cursor: cursorOf(position), recovered: false, replayed: 0 });
    },
  };
}

/** Whether its page says who it is when it is loaded. One that never does cannot be told from a new one by its silence. */
function speaks({ outlet, identity }: Member): boolean {
  return !outlet.settled || outlet.spoke || outlet.inherited || identity.proof === 'claim';
}

/** A token is good for as long as it says, also when one that ends sooner is shown after it. */
function latest({ expires }: Identity, { expires: before = 0 }: Identity): Pick<Identity, 'expires'> {
  return expires === undefined ? {} : { expires: Math.max(expires, before) };
}

function certain(ending: Ending): Ending {
  return ending === 'unclear' ? 'clean' : ending;
}

function say({ pipe }: Outlet, answer: Registered): void {
  pipe.send(encodeEvent('registered', JSON.stringify(answer)));
}

function told({ recovered, replayed }: Attached): object {
  return { recovered, replayed };
}
