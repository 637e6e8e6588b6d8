import { X509Certificate } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import { type ClientOptions, connectAs } from '../../support/client.js';
import { newId, newUser } from '../../support/deployment.js';
import { internalApi } from '../../support/internal.js';
import { startChild } from '../../support/process.js';
import { startRelay } from '../../support/relay.js';
import { onTeardown } from '../../support/teardown.js';
import { tempDir } from '../../support/temp.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

async function certificate(dir: string, name: string): Promise<void> {
  const files = ['-keyout', join(dir, 'next.key'), '-out', join(dir, 'next.pem')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const openssl = startChild('openssl', ['req', ...kind, ...files, '-subj', `/CN=${name}`]);
  expect(await openssl.exited, openssl.output.join('\n')).toMatchObject({ code: 0 });
  await rename(join(dir, 'next.key'), join(dir, 'key.pem'));
  await rename(join(dir, 'next.pem'), join(dir, 'cert.pem'));
}

/** The common name that a new connection is shown. */
function shown(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw).subject);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

test('the public listener speaks TLS and serves a renewed certificate without dropping anybody', async () => {
  const dir = await tempDir();
  await certificate(dir, 'first');
  const files = { RELAY_TLS_CERT_FILE: join(dir, 'cert.pem'), RELAY_TLS_KEY_FILE: join(dir, 'key.pem') };
  const relay = await startRelay(files);
  expect(relay.url).toMatch(/^https:/);
  expect(await shown(relay.url)).toBe('CN=first');
  const client = await connectAs(relay, clientToken(1), { rejectUnauthorized: false });

  await certificate(dir, 'second');
  await until('the renewed certificate', async () => (await shown(relay.url)) === 'CN=second');
  await certificate(dir, 'third');
  relay.signal('SIGHUP');
  await until('the one after', async () => (await shown(relay.url)) === 'CN=third');

  await internalApi(relay).notify({ recipients: [1], message: { id: 1 } });
  await client.next('receive_message');
  expect(client.all('registered')).toHaveLength(1);
});

test('pages that stay with polling are not ended over TLS, where an answer has gone out later than the page asks again', async () => {
  const dir = await tempDir();
  await certificate(dir, 'polled');
  const files = { RELAY_TLS_CERT_FILE: join(dir, 'cert.pem'), RELAY_TLS_KEY_FILE: join(dir, 'key.pem') };
  const relay = await startRelay(files);
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  onTeardown(() => agent.destroy());
  // the types are those of browsers
  const polling = { transports: ['polling'], agent, rejectUnauthorized: false } as unknown as ClientOptions;
  const users = Array.from({ length: 40 }, () => newUser());
  const pages = await Promise.all(users.map((user) => connectAs(relay, clientToken(user), polling)));
  const ends: string[] = [];
  for (const { socket } of pages) socket.on('disconnect', (reason) => ends.push(reason));
  const ids = Array.from({ length: 60 }, () => newId());
  for (const id of ids) {
    await internalApi(relay).notify({ recipients: users, message: { id } });
    await Promise.all(pages.map((page) => page.next('receive_message')));
  }
  expect(ends).toEqual([]);
}, 60_000);
