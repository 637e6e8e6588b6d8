import type { Ack } from '../protocol.js';
import type { Rate } from '../rate.js';
import type { Member } from './membership.js';
import type { PageSocket } from './page-sockets.js';
import type { SocketPipe } from './pipe.js';
import type { Repeats } from './repeats.js';
import type { Visit } from './visit.js';

/** One socket: who it is, and the events that wait until that is known. A plain record, since there may be 100,000. */
export interface Connection {
  readonly socket: PageSocket;
  readonly pipe: SocketPipe;
  readonly visit: Visit;
  /** Named at the handshake. */
  readonly cursor: string | undefined;
  meta: boolean;
  member: Member | undefined;
  held: readonly Held[];
  ended: boolean;
  /** Its page said by itself who it is. */
  spoke: boolean;
  /** Registrations, and events that need one, go one after the other. */
  turn: Promise<void>;
  /** So many registrations, and events behind them, are under way: whatever comes next is not to overtake them. */
  ahead: number;
  /** Its messages go one after the other: the last of them, and how many are under way. */
  sending: Promise<void> | undefined;
  sends: number;
  timeout: NodeJS.Timeout | undefined;
  patience: NodeJS.Timeout | undefined;
  again: NodeJS.Timeout | undefined;
  complained: boolean;
  /** Of its events, from the first one on. */
  rate: Rate | undefined;
  repeats: Repeats | undefined;
}

export interface Held {
  readonly event: string;
  readonly args: readonly unknown[];
  readonly ack: Ack | undefined;
}

export type Given = Pick<Connection, 'socket' | 'pipe' | 'visit' | 'cursor' | 'meta'>;

const BEGUN = Promise.resolve();
export const NOTHING_HELD: readonly Held[] = [];

export function newConnection({ socket, pipe, visit, cursor, meta }: Given): Connection {
  return {
    socket,
    pipe,
    visit,
    cursor,
    meta,
    member: undefined,
    held: NOTHING_HELD,
    ended: false,
    spoke: false,
    turn: BEGUN,
    ahead: 0,
    sending: undefined,
    sends: 0,
    timeout: undefined,
    patience: undefined,
    again: undefined,
    complained: false,
    rate: undefined,
    repeats: undefined,
  };
}
