import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client-4.4.0';
import { onTeardown } from './teardown.js';
import { within } from './until.js';

export type ClientOptions = Partial<ManagerOptions & SocketOptions>;

export interface Received {
  event: string;
  args: unknown[];
}

/** A page's connection: the client that the old pages load, and a record of all that it was sent. */
export interface Client {
  readonly socket: Socket;
  /** Every event in the order in which it came, those already taken by `next` included. */
  readonly received: readonly Received[];
  /** The arguments of each `event` so far. */
  all(event: string): unknown[][];
  /** The arguments of the next `event` that `next` has not given yet; waits when there is none. */
  next(event: string, timeoutMs?: number): Promise<unknown[]>;
  emit(event: string, ...args: unknown[]): void;
  /** Emits and gives what the acknowledgement was called with. */
  ask(event: string, ...args: unknown[]): Promise<unknown>;
  /** Waits for the end of this connection and gives its reason. */
  disconnected(timeoutMs?: number): Promise<string>;
  close(): void;
}

/** Connects; throws the `connect_error` when refused. Defaults are the page's: polling, then upgrade; reconnecting. */
export async function connect(relay: { url: string }, options: ClientOptions = {}): Promise<Client> {
  const client = open(relay, options);
  await within('connect', settled(client.socket), 10_000);
  return client;
}

/** As `connect`, and registered as the user of `token`: gives what `registered` said as well. */
export async function connectAs(relay: { url: string }, token: string, options: ClientOptions = {}) {
  const client = open(relay, { ...options, auth: { token, ...options.auth } });
  await within('connect', settled(client.socket), 10_000);
  const [registered] = await client.next('registered');
  return Object.assign(client, { registered });
}

/** Does not wait: for connections that are to be refused, and for what happens before the connect. */
export function open(relay: { url: string }, options: ClientOptions = {}): Client {
  const socket = io(relay.url, { reconnectionDelay: 50, reconnectionDelayMax: 200, forceNew: true, ...options });
  onTeardown(() => socket.close());
  const received: Received[] = [];
  const taken = new Map<string, number>();
  const waiting = new Set<() => void>();
  socket.onAny((event: string, ...args: unknown[]) => {
    received.push({ event, args });
    for (const wake of waiting) wake();
  });
  const all = (event: string): unknown[][] => received.filter((one) => one.event === event).map((one) => one.args);

  return {
    socket,
    received,
    all,
    next(event, timeoutMs = 5_000) {
      const index = taken.get(event) ?? 0;
      taken.set(event, index + 1);
      let wake: (() => void) | undefined;
      const found = new Promise<unknown[]>((resolve) => {
        wake = () => {
          const args = all(event)[index];
          if (args) resolve(args);
        };
        waiting.add(wake);
        wake();
      });
      const seen = () => received.map((one) => one.event).join(', ') || 'nothing';
      return within(`${event} number ${index + 1}`, found, timeoutMs)
        .catch((error: Error) => {
          throw new Error(`${error.message}; came: ${seen()}`);
        })
        .finally(() => wake && waiting.delete(wake));
    },
    emit: (event, ...args) => void socket.emit(event, ...args),
    ask: (event, ...args) =>
      within(`an ack of ${event}`, new Promise((resolve) => socket.emit(event, ...args, resolve)), 5_000),
    disconnected: (timeoutMs = 5_000) =>
      within('disconnect', new Promise<string>((resolve) => socket.once('disconnect', resolve)), timeoutMs),
    close: () => void socket.close(),
  };
}

/** The `connect_error` of a connection that is refused, with the `data` that the relay gave. */
export function refusal(client: Client, timeoutMs = 5_000): Promise<Error & { data?: unknown }> {
  return within('connect_error', new Promise((resolve) => client.socket.once('connect_error', resolve)), timeoutMs);
}

function settled(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
}
