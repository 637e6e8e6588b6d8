import { beforeAll, expect, test } from 'vitest';
import { type Relay, runRelay, startRelay } from '../../support/relay.js';
import { type Authority, type Certificate, createAuthority, selfSigned } from './certificates.js';
import { examineChain } from './examination.js';
import { startNginx, UPGRADING } from './nginx.js';

let relay: Relay;
let authority: Authority;

beforeAll(async () => {
  [relay, authority] = await Promise.all([startRelay(), createAuthority()]);
});

const serve = (tls: Certificate) => startNginx(`location / { proxy_pass ${relay.url}; ${UPGRADING} }`, '', tls);

/** What the command says of a certificate, on a machine that knows the authority. */
async function diagnosis(names: string, days: number, chain: 'whole' | 'own only' = 'whole') {
  const { url } = await serve(await authority.issue(names, days, chain));
  const args = ['doctor', '--url', url, '--internal', relay.internalUrl];
  const { code, output } = await runRelay(args, { NODE_EXTRA_CA_CERTS: authority.file });
  const from = output.findIndex((line) => /^(ok|warn|FAIL) +tls /.test(line));
  const length = output.slice(from + 1).findIndex((line) => /^(ok|warn|FAIL)/.test(line)) + 1;
  return { code, text: output.slice(from, from + length).join('\n') };
}

test('a whole chain is well, one that ends soon is a warning', async () => {
  const [well, soon] = await Promise.all([diagnosis('DNS:localhost', 60), diagnosis('DNS:localhost', 5)]);
  expect(well.text).toMatch(/^ok +tls +the certificate is for localhost, its chain is whole, (59|60) days left$/);
  expect(well.code).toBe(0);
  expect(soon.text).toMatch(/^warn +tls .*ends in [45] days.*\n +certbot renew/);
  expect(soon.code).toBe(0);
});

test('an expired certificate, one for another name and a missing intermediate are told apart', async () => {
  const [expired, other, lacking] = await Promise.all([
    diagnosis('DNS:localhost', -1),
    diagnosis('DNS:www.example.org', 60),
    diagnosis('DNS:localhost', 60, 'own only'),
  ]);
  expect(expired.text).toMatch(/^FAIL +tls .*expired on .*\n +certbot renew && systemctl reload nginx$/);
  expect(expired.text).not.toMatch(/self-signed|intermediate|not for/);
  expect(other.text).toMatch(/^FAIL +tls .*it is for www\.example\.org, not for localhost\n +certbot certonly/);
  expect(lacking.text).toMatch(
    /^FAIL +tls .*the intermediate certificate is missing.*\n +ssl_certificate .*fullchain\.pem/,
  );
  expect([expired.code, other.code, lacking.code]).toEqual([1, 1, 1]);
});

test('a self-signed certificate is named, and the rest of the chain is examined all the same', async () => {
  const { url } = await serve(await selfSigned());
  const seen = await examineChain(relay, { url });
  expect(seen.text('tls')).toMatch(/^FAIL .*it is self-signed: browsers refuse.*\ncertbot/);
  expect(seen.that('FAIL')).toEqual(['tls']);
  expect(seen.text('notify')).toMatch(/^ok/);
});

test('a page on https cannot use a relay on plain HTTP; a port that speaks no TLS is told as that', async () => {
  const mixed = await examineChain(
    relay,
    { origin: 'https://www.example.org' },
    { env: { RELAY_ALLOWED_ORIGINS: '' } },
  );
  expect(mixed.text('tls')).toMatch(/^FAIL .*browsers refuse mixed content\nRELAY_TLS_CERT_FILE=/);
  const none = await examineChain(relay, { url: relay.url.replace('http:', 'https:') });
  expect(none.text('tls')).toMatch(/^FAIL no TLS connection .*plain HTTP is spoken there/);
  expect(none.that('FAIL')).toEqual(['tls']);
});

test('a name that does not exist is a matter of DNS, and the inside is examined all the same', async () => {
  const seen = await examineChain(relay, { url: 'https://relay.invalid' });
  expect(seen.text('dns')).toMatch(/^FAIL relay\.invalid is not found: .*\nrelay\.invalid\. IN A /);
  expect(seen.that('FAIL')).toEqual(['dns']);
  expect(seen.text('token')).toMatch(/^ok/);
});
