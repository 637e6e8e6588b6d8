import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { readOnAfterFailedWrite } from '../../../relay/legacy/read-on.js';
import { startChild } from '../../support/process.js';
import { onTeardown } from '../../support/teardown.js';

/** Leaves as soon as it hears a word, and does not read the next. */
const PEER = `const peer = require('net').connect(process.argv[1], '127.0.0.1');
  peer.once('data', () => { peer.write('last words'); peer.on('finish', () => process.exit()); peer.end(); });`;

/** What is heard of a peer that spoke and left while this process did nothing, and that is then written to. */
async function heardOfDeserter(prepare: (socket: Socket) => void): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTeardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const peer = startChild(process.execPath, ['-e', PEER, String(port)]);
  const [socket] = (await once(server, 'connection')) as [Socket];
  prepare(socket);
  socket.on('error', () => undefined);
  let heard = '';
  socket.on('data', (data) => {
    heard += data;
  });
  await delay(20);
  socket.write('go');
  pause(300);
  // the first is answered by a reset, the next fails
  socket.write('too');
  pause(20);
  socket.write('late');
  await new Promise((resolve) => socket.once('close', resolve));
  await peer.exited;
  return heard;
}

it('what a peer said before it went is read, though a write to it failed', async () => {
  expect(await heardOfDeserter(readOnAfterFailedWrite)).toBe('last words');
});

it('without that, Node throws it away', async () => {
  expect(await heardOfDeserter(() => undefined)).toBe('');
});

/** As a busy machine does. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
