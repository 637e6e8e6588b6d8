import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { onTeardown } from './teardown.js';
import { until, within } from './until.js';

/** A bare TCP connection, for what no HTTP or WebSocket library would send. */
export interface Tcp {
  /** All that came, as Latin-1. */
  readonly received: string;
  /** Resolves with it when the connection is gone, whoever ended it and however. */
  readonly closed: Promise<string>;
  write(data: string | Uint8Array): void;
  /** Without a goodbye: a reset where something is unread, else a FIN. */
  drop(): void;
  reset(): void;
}

export async function openTcp(url: string): Promise<Tcp> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
  });
  // a reset is an end like any other here
  socket.on('error', () => socket.destroy());
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  await within(`a connection to ${url}`, once(socket, 'connect'), 5_000);
  onTeardown(() => socket.destroy());
  return {
    get received() {
      return received;
    },
    closed,
    write: (data) => void (socket.writable && socket.write(data)),
    drop: () => void socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
  };
}

/** A connection that has become a WebSocket, still written to byte by byte. */
export async function openRawWebSocket(url: string, path: string, headers: readonly string[] = []): Promise<Tcp> {
  const tcp = await openTcp(url);
  tcp.write(upgradeHead(path, headers));
  await until('the upgrade', () => /^HTTP\/1\.1 101 .*\r\n\r\n/s.test(tcp.received), 5_000);
  return tcp;
}

export function upgradeHead(path: string, headers: readonly string[] = []): string {
  const key = randomBytes(16).toString('base64');
  const own = ['Host: 127.0.0.1', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  return [`GET ${path} HTTP/1.1`, ...own, `Sec-WebSocket-Key: ${key}`, ...headers, '', ''].join('\r\n');
}

export interface FrameOptions {
  /** RFC 6455 section 5.2: 1 text, 2 binary, 0 continuation, 8 close, 9 ping, 10 pong. */
  readonly opcode?: number;
  readonly final?: boolean;
  readonly masked?: boolean;
  /** The three reserved bits. */
  readonly reserved?: number;
  /** What the frame says its length is, where that is not the truth. */
  readonly length?: number;
}

/** A frame as a client sends it, or as none may. */
export function frame(payload: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const { opcode = 1, final = true, masked = true, reserved = 0 } = options;
  const data = Buffer.from(payload);
  const length = options.length ?? data.length;
  const size = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + size);
  head[0] = (final ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (size === 0 ? length : size === 2 ? 126 : 127);
  if (size === 2) head.writeUInt16BE(length, 2);
  if (size === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, data]);
  const mask = randomBytes(4);
  const hidden = data.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([head, mask, hidden]);
}
