import { objectOf } from './json.js';
import { type Line, openPolling, type PollingSession } from './polling.js';
import { dialWebSocket, type WebSocketLine } from './web-socket.js';
import { WireError } from './wire-error.js';

const WITHIN = 5_000;

export interface Connected {
  readonly socket: WebSocketLine;
  /** The packet that answers the connect. */
  readonly answer: string;
}

/**
 * Polling first, then the upgrade with its probe, as a page's client does it. `hello` is the packet that a Socket.IO
 * client begins with. @throws WireError
 */
export async function connect(line: Line, hello: string): Promise<Connected> {
  const session = await openPolling(line);
  await session.send(hello);
  const early: string[] = [];
  while (!early.some(isConnectAnswer)) early.push(...(await session.poll()));
  const answer = early.find(isConnectAnswer) ?? '';
  if (!answer.startsWith('40')) throw new WireError('socket', refusalOf(answer));
  const polled = session.poll();
  // one that nobody waits for any more ends with the session, which nobody keeps alive
  polled.catch(() => undefined);
  const socket = await upgrade(line, session);
  try {
    // the relay ends the open poll; only then the page goes over
    early.push(...(await polled));
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.send('5');
  return { socket: remembering(socket, early), answer };
}

/**
 * The WebSocket that a polling session is to go over to. Never one without a session: from an address of
 * RELAY_LEGACY_NOTIFIERS, and without an Origin, it is taken for an old notifier. @throws WireError
 */
export async function upgrade(line: Line, session: PollingSession): Promise<WebSocketLine> {
  const socket = await dialWebSocket(line, `&sid=${encodeURIComponent(session.sid)}`);
  socket.send('2probe');
  if ((await socket.next((packet) => packet === '3probe', WITHIN)) !== undefined) return socket;
  socket.close();
  throw new WireError('probe', 'the WebSocket opened, but the answer to the probe did not come');
}

/** With the packets that came over polling before those of the WebSocket. */
function remembering(socket: WebSocketLine, early: string[]): WebSocketLine {
  return {
    ...socket,
    async next(matches, within) {
      const index = early.findIndex(matches);
      return index < 0 ? socket.next(matches, within) : early.splice(index, 1)[0];
    },
  };
}

const isConnectAnswer = (packet: string) => /^4[04]/.test(packet);

/** Why a connect was refused. */
function refusalOf(answer: string): string {
  const { message, data } = objectOf(answer.slice(2)) ?? {};
  const { code } = objectOf(JSON.stringify(data ?? null)) ?? {};
  return `${code ?? 'refused'}: ${message}`;
}
