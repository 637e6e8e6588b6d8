import { isIP } from 'node:net';
import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls';
import { reasonOf } from '../ask.js';
import { type Finding, fail, ok, warn } from '../finding.js';
import { hostOf } from './dns.js';

const WITHIN = 5_000;
const DAY = 86_400_000;
/** Let's Encrypt renews 30 days before the end: with fewer days left than this, the renewal does not work. */
const RENEWED_BY = 14;

/** What is wrong with the chain, by OpenSSL's names. */
const CHAIN: Readonly<Record<string, readonly [string, string]>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    'it is self-signed: browsers refuse the WebSocket without asking anybody',
    'certbot certonly --nginx -d HOST',
  ],
  SELF_SIGNED_CERT_IN_CHAIN: [
    'its root is an authority that this machine does not know',
    'NODE_EXTRA_CA_CERTS=/path/to/your-authority.pem npx relay doctor   # if it is your own, and your browsers have it',
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    'the intermediate certificate is missing: the server sends its own only',
    'ssl_certificate /etc/letsencrypt/live/HOST/fullchain.pem;   # nginx; RELAY_TLS_CERT_FILE likewise: the full chain',
  ],
};

/** Certificate, chain and days left. `usable` is false when no TLS connection comes about at all. */
export async function checkTls(url: URL, origin: string | undefined, now: () => number) {
  if (url.protocol !== 'https:') return { finding: plain(url, origin), usable: true };
  try {
    const { certificate, error } = await look(url);
    return { finding: judge(certificate, error, hostOf(url), now()), usable: true };
  } catch (error) {
    const wrong = error instanceof Error && /wrong version number|packet length too long/.test(error.message);
    const why = wrong ? 'plain HTTP is spoken there, not TLS' : reasonOf(error);
    const mend = wrong
      ? ['RELAY_TLS_CERT_FILE=…/fullchain.pem', 'RELAY_TLS_KEY_FILE=…/privkey.pem   # both in .env, or let nginx do it']
      : ['systemctl status relay nginx   # is it running, and does it listen on this port?'];
    return { finding: fail('tls', `no TLS connection to ${url.host}: ${why}`, ...mend), usable: false };
  }
}

function plain({ host, hostname, protocol }: URL, origin: string | undefined): Finding {
  if (origin?.startsWith('https:') === true) {
    const why = `plain ${protocol}//${host}, but the page is on https: browsers refuse mixed content`;
    return fail('tls', why, 'RELAY_TLS_CERT_FILE=…/fullchain.pem', 'RELAY_TLS_KEY_FILE=…/privkey.pem');
  }
  if (/^(localhost|127\.|\[::1\])/.test(hostname)) return ok('tls', 'plain HTTP, on this machine only');
  return warn(
    'tls',
    'plain HTTP: what people write is readable on the way, and a page on https can not connect',
    'RELAY_TLS_CERT_FILE=…/fullchain.pem',
    'RELAY_TLS_KEY_FILE=…/privkey.pem',
  );
}

function look(url: URL): Promise<{ certificate: PeerCertificate; error: string }> {
  const host = hostOf(url);
  return new Promise((resolve, reject) => {
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({ host, port: Number(url.port || 443), ...name, rejectUnauthorized: false });
    socket.setTimeout(WITHIN, () => socket.destroy(new Error('no answer in time')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const reason: unknown = socket.authorizationError;
      const error = reason instanceof Error ? reason.message : typeof reason === 'string' ? reason : '';
      resolve({ certificate: socket.getPeerCertificate(), error });
      socket.destroy();
    });
  });
}

function judge(certificate: PeerCertificate, error: string, host: string, now: number): Finding {
  const left = Math.floor((Date.parse(certificate.valid_to) - now) / DAY);
  const problems: string[] = [];
  const mend: string[] = [];
  const bad = (problem: string, line: string) => {
    problems.push(problem);
    mend.push(line.replace('HOST', host));
  };
  const renew = 'certbot renew && systemctl reload nginx';
  if (left < 0) bad(`it expired on ${certificate.valid_to}`, renew);
  if (Date.parse(certificate.valid_from) > now) {
    bad(`it is valid from ${certificate.valid_from} only, or this clock is wrong`, 'timedatectl set-ntp true');
  }
  const chain = CHAIN[error.replace('UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')];
  if (chain !== undefined) bad(...chain);
  if (checkServerIdentity(host, certificate) !== undefined) {
    bad(`it is for ${namesOf(certificate)}, not for ${host}`, 'certbot certonly --nginx -d HOST');
  }
  if (error !== '' && problems.length === 0) bad(error, renew);
  if (problems.length > 0) return fail('tls', `the certificate is refused: ${problems.join('; ')}`, ...mend);
  if (left < RENEWED_BY) return warn('tls', `the certificate ends in ${left} days: its renewal does not work`, renew);
  return ok('tls', `the certificate is for ${host}, its chain is whole, ${left} days left`);
}

function namesOf({ subject, subjectaltname }: PeerCertificate): string {
  return subjectaltname?.replace(/DNS:|IP Address:/g, '') ?? String(subject.CN);
}
