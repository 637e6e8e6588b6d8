import { deferred } from './deferred.js';
import { textFrame } from './frames.js';
import { pageToken } from './secret.js';
import { openWebSocket } from './web-socket.js';

/** A browser tab: one registered Socket.IO connection over WebSocket. */
export interface Page {
  close(): void;
}

export interface PageOptions {
  readonly port: number;
  readonly user: string;
  readonly onEvent: (name: string, payload: unknown) => void;
  /** It ended after it was registered, and nobody had asked for that. */
  readonly onLost: (error: Error) => void;
}

export type OpenPage = (options: PageOptions) => Promise<Page>;

export const PATH = '/socket.io/?EIO=4&transport=';
const PONG = textFrame('3');

/** WebSocket from the start. Resolves once the server has said `registered`; rejects with Refused if for now only. */
export const openPage: OpenPage = async ({ port, user, onEvent, onLost }) => {
  let open = false;
  const registered = deferred<void>();

  function receive(packet: string): void {
    if (packet === '2') line.sendFrame(PONG);
    else if (packet.startsWith('0')) line.send(connectPacket(user));
    else takeEvent(packet, onEvent, registered.resolve);
  }

  const line = await openWebSocket({
    port,
    path: `${PATH}websocket`,
    onText: receive,
    onEnd(error) {
      const reason = error ?? new Error(`the server closed the connection of user ${user}`);
      registered.reject(reason);
      if (open) onLost(reason);
    },
  });
  await registered.promise;
  open = true;
  return {
    close() {
      open = false;
      line.destroy();
    },
  };
};

export function connectPacket(user: string): string {
  return `40${JSON.stringify({ token: pageToken(user) })}`;
}

/** @throws Error on a packet that is neither an event nor the answer to the connect */
export function takeEvent(packet: string, onEvent: PageOptions['onEvent'], onRegistered: () => void): void {
  if (!packet.startsWith('42')) {
    if (packet.startsWith('40')) return;
    throw new Error(`a page was sent ${packet}`);
  }
  const [name, payload] = JSON.parse(packet.slice(2)) as [string, unknown];
  if (name === 'registered') onRegistered();
  else onEvent(name, payload);
}
