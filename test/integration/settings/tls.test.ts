import { X509Certificate } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { internalApi } from '../../support/internal.js';
import { startChild } from '../../support/process.js';
import { startRelay } from '../../support/relay.js';
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
