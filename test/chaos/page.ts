import { io, type Socket } from 'socket.io-client-4.4.0';
import { clientToken } from '../support/tokens.js';
import type { Journal } from './journal.js';
import type { Account } from './ledger.js';
import type { Experiment } from './options.js';

/** The page in one tab, as far as it speaks to the server (LEGACY.md). */
export interface Page {
  /** Whether it is connected over WebSocket. */
  connected(): boolean;
  /** The event that only this harness sends, to see that the page is reached. */
  probed(): boolean;
  /** What ought not to be: by its name, how often. */
  readonly oddities: Map<string, number>;
  /** What the relay's client dropped, since it had been shown already. */
  suppressed(): number;
  close(): void;
}

export interface PageOptions {
  readonly url: string;
  readonly account: Account;
  readonly journal: Journal;
  readonly experiment: Experiment;
  /** The replica that the tab was led to, for the journal. */
  readonly replica: () => number | undefined;
}

export const PROBE = 'chaos_probe';
const UNREAD_COUNT_EVERY_MS = 30_000;

/** Loads the page: connects with the defaults of client 4.4.0 and registers once. */
export function openPage({ url, account, journal, experiment, replica }: PageOptions): Page {
  const relayClient = experiment.page === 'relay-client';
  const token = experiment.identity === 'token' ? { token: clientToken(account.user, { expiresIn: 3_600 }) } : {};
  const userId = Number(account.user);
  const oddities = new Map<string, number>();
  const seen = new Set<string>();
  let cursor: string | undefined;
  let probed = false;
  let suppressed = 0;
  let connects = 0;

  const where = () => ({ meta: true, ...(cursor === undefined ? {} : { cursor }) });
  // Not multiplexed: in a browser every tab has a connection of its own.
  const socket: Socket = io(url, {
    forceNew: true,
    ...(relayClient ? { auth: (give: (auth: object) => void) => give({ ...token, ...where() }) } : {}),
  });

  const odd = (what: string): void => {
    oddities.set(what, (oddities.get(what) ?? 0) + 1);
    journal.note(`odd: ${what}`);
  };
  const take = (event: string, message: unknown, args: readonly unknown[]): void => {
    const id = String(field(message, 'id'));
    if (relayClient) {
      const meta = args[1];
      const known = `${event} ${String(field(meta, 'id'))}`;
      cursor = text(field(meta, 'cursor')) ?? cursor;
      if (seen.has(known)) {
        suppressed += 1;
        journal.note(`suppressed ${id}`);
        return;
      }
      seen.add(known);
    } else if (args.length !== 1) {
      odd('a handler got more than one argument');
    }
    if (!String(field(message, 'sent_at')).includes('T')) {
      odd('a sent_at on which the page throws');
      return;
    }
    journal.note(`${account.show(id)} ${id}`);
  };

  socket.on('receive_message', (...args: unknown[]) => take('receive_message', args[0], args));
  socket.on('message_sent', (...args: unknown[]) => take('message_sent', field(args[0], 'message'), args));
  socket.on(PROBE, () => {
    probed = true;
  });
  socket.on('registered', (answer: unknown) => {
    journal.note(`registered ${JSON.stringify(answer)}`);
    if (field(answer, 'ok') !== true) {
      odd('a registration was refused');
    }
    if (field(answer, 'recovered') === false) {
      odd('the inbox did not reach back');
    }
    cursor ??= text(field(answer, 'cursor'));
  });
  socket.on('relay_error', (error: unknown) => odd(`relay_error ${String(field(error, 'code'))}`));
  socket.on('connect_error', (error) => journal.note(`connect_error ${error.message}`));
  socket.on('disconnect', (reason) => {
    journal.note(`disconnected: ${reason}`);
    account.dropped();
  });
  socket.on('connect', () => {
    connects += 1;
    journal.note(`connected ${socket.id} to replica ${replica()}`);
    socket.io.engine.once('upgrade', () => journal.note('upgraded'));
    if (connects > 1) {
      account.reconnected();
    }
    if (connects > 1 && relayClient) {
      socket.emit('register_user', { user_id: userId, ...token, ...where() });
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
    connected: () => socket.connected && socket.io.engine.transport.name === 'websocket',
    probed: () => probed,
    oddities,
    suppressed: () => suppressed,
    close() {
      clearInterval(timer);
      socket.close();
    },
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
