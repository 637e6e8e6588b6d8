import type { io, Socket } from 'socket.io-client-4.4.0';
import { clientToken } from '../support/tokens.js';
import type { Journal } from './journal.js';
import type { Account } from './ledger.js';
import type { Experiment } from './options.js';

/** The page in one tab, as far as it speaks to the server (LEGACY.md). */
export interface Page {
  /** Whether it is connected, and over the transport that it needs: cookies come with WebSocket upgrades only. */
  connected(): boolean;
  /** Whether the event that only this harness sends has reached it. */
  probed(): boolean;
  /** What ought not to be: by its name, how often. */
  readonly oddities: Map<string, number>;
  /** Messages that arrived and were not handed to the page: relay-client.js had seen them. */
  suppressed(): number;
  close(): void;
}

export interface PageOptions {
  /** `io` of client 4.4.0, with or without relay-client.js behind it. */
  readonly connect: typeof io;
  readonly url: string;
  readonly account: Account;
  readonly journal: Journal;
  readonly experiment: Experiment;
  /** The replica that the tab was led to, for the journal. */
  readonly replica: () => number | undefined;
}

export const PROBE = 'chaos_probe';
const UNREAD_COUNT_EVERY_MS = 30_000;

/** Loads the page: connects with the defaults of client 4.4.0 and, unless edited to do otherwise, registers once. */
export function openPage({ connect, url, account, journal, experiment, replica }: PageOptions): Page {
  const userId = Number(account.user);
  const oddities = new Map<string, number>();
  let probed = false;
  let arrived = 0;
  let handed = 0;
  let connects = 0;

  const odd = (what: string): void => {
    oddities.set(what, (oddities.get(what) ?? 0) + 1);
    journal.note(`odd: ${what}`);
  };
  const token = experiment.identity === 'token' ? clientToken(account.user, { expiresIn: 3_600 }) : undefined;
  // Not multiplexed: in a browser every tab has a connection of its own.
  const socket: Socket = connect(url, { forceNew: true, ...(token === undefined ? {} : { auth: { token } }) });

  const show = (message: unknown, args: readonly unknown[]): void => {
    handed += 1;
    const id = String(field(message, 'id'));
    if (args.length !== 1) {
      odd('a handler got more than one argument');
    }
    if (String(field(message, 'sent_at')).includes('T')) {
      journal.note(`${account.show(id)} ${id}`);
    } else {
      odd('a sent_at on which the page throws');
    }
  };
  socket.on('receive_message', (...args: unknown[]) => show(args[0], args));
  socket.on('message_sent', (...args: unknown[]) => show(field(args[0], 'message'), args));
  socket.on(PROBE, () => {
    probed = true;
  });
  socket.on('registered', (answer: unknown) => {
    journal.note(`registered ${JSON.stringify(answer)}`);
    // The backend lives in this process, which may be too busy to answer; the relay then asks again.
    const away = field(field(answer, 'error'), 'code') === 'backend_unavailable';
    if (field(answer, 'ok') !== true && !away) {
      odd('a registration was refused');
    }
    if (field(answer, 'recovered') === false) {
      odd('the inbox did not reach back');
    }
  });
  socket.on('relay_error', (error: unknown) => odd(`relay_error ${String(field(error, 'code'))}`));
  socket.on('connect_error', (error) => journal.note(`connect_error ${error.message}`));
  socket.io.on('packet', ({ data }: { data?: unknown }) => {
    arrived += Array.isArray(data) && (data[0] === 'receive_message' || data[0] === 'message_sent') ? 1 : 0;
  });
  socket.on('disconnect', (reason) => {
    journal.note(`disconnected: ${reason}`);
    account.dropped();
  });
  socket.on('connect', () => {
    connects += 1;
    journal.note(`connected ${socket.id} to replica ${replica()}`);
    const { engine } = socket.io;
    let ponged = false;
    engine.once('upgrade', () => {
      journal.note('upgraded');
      if (ponged) account.ponged();
    });
    engine.on('packetCreate', ({ type }: { type: string }) => {
      if (type !== 'pong') return;
      // Over polling and in the midst of an upgrade it has yet to go out.
      ponged = true;
      if (engine.transport.name === 'websocket') account.ponged();
    });
    if (connects > 1) {
      account.reconnected();
    }
    if (experiment.page === 'register-on-connect') {
      socket.emit('register_user', userId);
    }
  });

  if (experiment.page !== 'register-on-connect') {
    socket.emit('register_user', userId);
  }
  const askUnread = (): void => void socket.emit('getUnreadCount', userId);
  askUnread();
  const timer = setInterval(askUnread, UNREAD_COUNT_EVERY_MS);

  return {
    connected: () => socket.connected && (token !== undefined || socket.io.engine.transport.name === 'websocket'),
    probed: () => probed,
    oddities,
    suppressed: () => arrived - handed,
    close() {
      clearInterval(timer);
      socket.close();
    },
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}
