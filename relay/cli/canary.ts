import { objectOf } from './json.js';
import { type Line, openPolling } from './polling.js';
import type { Proof } from './proof.js';
import { dialWebSocket, type WebSocketLine } from './web-socket.js';
import { WireError } from './wire-error.js';

/** A page of the doctor's own: connected as socket.io-client 4.4.0 does it, and registered where it has a proof. */
export interface Canary {
  /** `undefined` without a proof. */
  readonly user: string | undefined;
  /** Its id as `GET /presence/<user>` shows it. */
  readonly socketId: string;
  /** The first argument of the next such event that matches; `undefined` when none came within the milliseconds. */
  next(event: string, within: number, matches?: (argument: unknown) => boolean): Promise<unknown>;
  readonly ended: Promise<string>;
  close(): void;
}

const WITHIN = 5_000;

/**
 * Polling, then the upgrade with its probe; `direct` begins with the WebSocket.
 * @throws WireError that says how far it came
 */
export async function openCanary(line: Line, proof: Proof | undefined, how: 'upgrade' | 'direct'): Promise<Canary> {
  const auth = proof?.token === undefined ? '' : JSON.stringify({ token: proof.token });
  const { socket, answer } = how === 'direct' ? await direct(line, `40${auth}`) : await upgraded(line, `40${auth}`);
  try {
    const { sid } = objectOf(answer.slice(2)) ?? {};
    if (!answer.startsWith('40')) throw new WireError('socket', refusalOf(answer));
    const canary = canaryOver(socket, proof?.user, String(sid));
    if (proof !== undefined) await register(socket, canary, proof);
    return canary;
  } catch (error) {
    socket.close();
    throw error;
  }
}

async function direct(line: Line, connect: string): Promise<{ socket: WebSocketLine; answer: string }> {
  const socket = await dialWebSocket(line);
  socket.send(connect);
  return { socket, answer: (await socket.next(isConnectAnswer, WITHIN)) ?? '' };
}

async function upgraded(line: Line, connect: string): Promise<{ socket: WebSocketLine; answer: string }> {
  const session = await openPolling(line);
  await session.send(connect);
  const early: string[] = [];
  while (!early.some(isConnectAnswer)) early.push(...(await session.poll()));
  const answer = early.find(isConnectAnswer) ?? '';
  if (!answer.startsWith('40')) throw new WireError('socket', refusalOf(answer));
  const polled = session.poll();
  // one that nobody waits for any more ends with the session, which nobody keeps alive
  polled.catch(() => undefined);
  const socket = await dialWebSocket(line, `&sid=${encodeURIComponent(session.sid)}`);
  try {
    await probe(socket);
    // the relay ends the open poll; only then the page goes over
    early.push(...(await polled));
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.send('5');
  return { socket: remembering(socket, early), answer };
}

async function probe(socket: WebSocketLine): Promise<void> {
  socket.send('2probe');
  if ((await socket.next((packet) => packet === '3probe', WITHIN)) !== undefined) return;
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

async function register(socket: WebSocketLine, canary: Canary, { token, user }: Proof): Promise<void> {
  if (token === undefined) socket.send(`42${JSON.stringify(['register_user', user])}`);
  const registered = await canary.next('registered', WITHIN);
  const { ok, error } = objectOf(JSON.stringify(registered ?? null)) ?? {};
  if (ok === true) return;
  const why = registered === undefined ? 'the event registered did not come' : JSON.stringify(error);
  throw new WireError('register', why);
}

function canaryOver(socket: WebSocketLine, user: string | undefined, socketId: string): Canary {
  return {
    user,
    socketId,
    async next(event, within, matches = () => true) {
      let found: unknown;
      const packet = await socket.next((text) => {
        const [name, argument] = eventOf(text);
        if (name !== event || !matches(argument)) return false;
        found = argument;
        return true;
      }, within);
      return packet === undefined ? undefined : found;
    },
    ended: socket.ended,
    close() {
      socket.send('41');
      socket.close();
    },
  };
}

const isConnectAnswer = (packet: string) => /^4[04]/.test(packet);

function eventOf(packet: string): readonly unknown[] {
  const list = /^42\d*(\[.*)$/s.exec(packet)?.[1];
  return list === undefined ? [] : (JSON.parse(list) as unknown[]);
}

function refusalOf(answer: string): string {
  const { message, data } = objectOf(answer.slice(2)) ?? {};
  const { code } = objectOf(JSON.stringify(data ?? null)) ?? {};
  return answer === '' ? 'the relay did not answer the connect' : `${code ?? 'refused'}: ${message}`;
}
