import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { createAddressList } from '../../relay/addresses.js';
import { parseFieldNames } from '../../relay/legacy/field-names.js';
import type { Accept } from '../../relay/legacy/ingress.js';
import { createShapeCollector } from '../../relay/legacy/learn.js';
import type { LegacyNotify } from '../../relay/legacy/mapping.js';
import { createLegacyNotifier } from '../../relay/sockets/legacy-notifier.js';
import { onTeardown } from '../support/teardown.js';

export interface LogLine {
  level: 'info' | 'warn' | 'error';
  fields: Record<string, unknown>;
  message: string;
}

export interface IngressOptions {
  allowed?: readonly string[];
  trusted?: readonly string[];
  fields?: string;
  accept?: Accept;
  maxPayload?: number;
}

/** The ingress on an HTTP server beside a stock Socket.IO, wired as the relay wires it, with a core that remembers. */
export async function startIngress(options: IngressOptions = {}) {
  const notifies: LegacyNotify[] = [];
  const lines: LogLine[] = [];
  const write =
    (level: LogLine['level']) =>
    (fields: object, message: string): void =>
      void lines.push({ level, fields: { ...fields }, message });
  const shapes = createShapeCollector();
  const notifier = createLegacyNotifier({
    allowed: createAddressList(options.allowed ?? ['127.0.0.1/32']),
    trustedProxies: createAddressList(options.trusted ?? []),
    names: parseFieldNames(options.fields ?? ''),
    accept: options.accept ?? (async (notify) => void notifies.push(notify)),
    shapes,
    log: { info: write('info'), warn: write('warn'), error: write('error') },
    maxPayload: options.maxPayload ?? 65_536,
  });

  const http = createServer((_req, res) => void res.writeHead(404).end());
  const io = new Server(http, { serveClient: false });
  io.on('connection', (socket) => {
    if (!notifier.isStockNotifier(socket.request)) return;
    socket.onAny(async (name: string, ...args: unknown[]) => {
      const ack = args.at(-1);
      const outcome = await notifier.receive(name, args, { address: '127.0.0.1' });
      if (typeof ack === 'function') ack(outcome);
    });
  });
  const stock = http.listeners('upgrade');
  http.removeAllListeners('upgrade');
  http.on('upgrade', (req, socket, head) => {
    if (notifier.matches(req)) notifier.handleUpgrade(req, socket, head);
    else for (const listener of stock) listener.call(http, req, socket, head);
  });

  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  onTeardown(async () => {
    await notifier.close();
    await io.close();
  });
  return { port, notifier, notifies, lines, shapes, server: `127.0.0.1:${port}` };
}
