import { createRequire } from 'node:module';
import { onTeardown } from '../support/teardown.js';
import { until, within } from '../support/until.js';

/** As much of Socket.IO 2's client as is used here; it comes without types. */
interface OldSocket {
  readonly connected: boolean;
  on(event: string, handler: (...args: unknown[]) => void): void;
  once(event: string, handler: (...args: unknown[]) => void): void;
  emit(event: string, ...args: unknown[]): void;
  close(): void;
  readonly io: { readonly engine: { readonly transport: { readonly name: string } } };
}

export interface OldPage {
  readonly socket: OldSocket;
  readonly connects: number;
  readonly disconnects: number;
  /** The arguments of each `event` so far. */
  all(event: string): readonly unknown[][];
  /** Waits for number `count` of an event; gives its arguments. */
  nth(event: string, count: number): Promise<unknown[]>;
}

type Connect = (url: string, options: object) => OldSocket;
const io = createRequire(import.meta.url)('socket.io-client-2') as Connect;
const EVENTS = ['registered', 'receive_message', 'message_sent', 'relay_error'];

/** A page of Socket.IO 2 that registers in its connect handler. */
export function openOldPage(url: string, who: unknown, transports = ['polling', 'websocket']): OldPage {
  const socket = io(url, { transports, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200 });
  onTeardown(() => socket.close());
  const received: { event: string; args: unknown[] }[] = [];
  const counts = { connect: 0, disconnect: 0 };
  for (const event of EVENTS) socket.on(event, (...args) => received.push({ event, args }));
  socket.on('disconnect', () => {
    counts.disconnect += 1;
  });
  socket.on('connect', () => {
    counts.connect += 1;
    socket.emit('register_user', who);
  });
  const all = (event: string) => received.filter((one) => one.event === event).map(({ args }) => args);
  return {
    socket,
    get connects() {
      return counts.connect;
    },
    get disconnects() {
      return counts.disconnect;
    },
    all,
    nth: (event, count) => until(`${event} number ${count}`, () => all(event)[count - 1]),
  };
}

/** The error of a connection that is refused. */
export function refusalOf(page: OldPage): Promise<{ description?: unknown }> {
  const told = new Promise<{ description?: unknown }>((resolve) =>
    page.socket.once('connect_error', (error) => resolve(error as { description?: unknown })),
  );
  return within('connect_error', told, 5_000);
}
