import type { Socket as EngineSocket } from 'engine.io';

/** What Engine.IO's types leave out. */
interface Internals {
  sendPacket(type: 'noop'): void;
}

interface WebSocketLike {
  ping(data: string): void;
  on(event: 'pong', listener: (data: Buffer) => void): unknown;
}

export interface OldPings {
  send(): void;
}

interface Asked {
  readonly number: number;
  readonly answered: readonly (() => void)[];
}

/**
 * Pings for Engine.IO 3 (Socket.IO 2 pages), where nothing answers a ping of the server's. What was written has been
 * taken there, over WebSocket, when the pong of a WebSocket ping behind it comes; over polling, with the next poll, which
 * the client makes after it handled the last one's packets, or with the upgrade, before which it waits for that poll.
 *
 * @param sent called for every ping, and what it returned when the answer comes
 */
export function createOldPings(conn: EngineSocket, sent: () => () => void): OldPings {
  let unsent: (() => void)[] = [];
  let inFlight: Asked[] = [];
  let last = 0;

  function answerUpTo(number: number): void {
    const answered = inFlight.filter((asked) => asked.number <= number);
    inFlight = inFlight.filter((asked) => asked.number > number);
    for (const asked of answered) for (const answer of asked.answered) answer();
  }

  function handedOver(): void {
    if (unsent.length === 0) return;
    last += 1;
    inFlight.push({ number: last, answered: unsent });
    unsent = [];
    // numbered, since a peer may answer the newest of several pings alone (RFC 6455 section 5.5.3)
    webSocketOf(conn)?.ping(String(last));
  }

  function listen(): void {
    const socket = webSocketOf(conn);
    if (socket !== undefined) socket.on('pong', (data) => answerUpTo(Number(data.toString())));
    // before Engine.IO's own listener, which fills that very poll
    else conn.transport.prependListener('ready', () => answerUpTo(last));
  }

  listen();
  conn.on('drain', handedOver);
  conn.on('upgrade', () => {
    answerUpTo(last);
    listen();
  });
  const send = () => {
    unsent.push(sent());
    // ends a poll that waits, and waits its turn behind what is queued
    (conn as unknown as Internals).sendPacket('noop');
  };
  return { send };
}

function webSocketOf(conn: EngineSocket): WebSocketLike | undefined {
  if (conn.transport.name !== 'websocket') return undefined;
  return (conn.transport as unknown as { readonly socket?: WebSocketLike }).socket;
}
