import { connect } from './connect.js';
import { objectOf } from './json.js';
import type { Line } from './polling.js';
import type { Proof } from './proof.js';
import type { WebSocketLine } from './web-socket.js';
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

/** @throws WireError that says how far it came */
export async function openCanary(line: Line, proof: Proof | undefined): Promise<Canary> {
  const auth = proof?.token === undefined ? '' : JSON.stringify({ token: proof.token });
  const { socket, answer } = await connect(line, `40${auth}`);
  try {
    const { sid } = objectOf(answer.slice(2)) ?? {};
    const canary = canaryOver(socket, proof?.user, String(sid));
    if (proof !== undefined) await register(socket, canary, proof);
    return canary;
  } catch (error) {
    socket.close();
    throw error;
  }
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

function eventOf(packet: string): readonly unknown[] {
  const list = /^42\d*(\[.*)$/s.exec(packet)?.[1];
  return list === undefined ? [] : (JSON.parse(list) as unknown[]);
}
