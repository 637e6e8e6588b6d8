import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { startChild } from '../../support/process.js';
import { tempDir } from '../../support/temp.js';

/** A folder in which certificates are made with openssl: an authority, one between, and those of servers. */
export interface Authority {
  /** For `NODE_EXTRA_CA_CERTS`. */
  readonly file: string;
  /** A certificate for these names that ends so many days from now; -1 is the past. */
  issue(names: string, days: number, chain?: 'whole' | 'own only'): Promise<Certificate>;
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export async function createAuthority(): Promise<Authority> {
  const dir = await tempDir();
  const at = (name: string) => join(dir, name);
  await openssl(
    'req',
    '-x509',
    ...KEY,
    '-days',
    '9',
    '-subj',
    '/CN=root',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  );
  await sign('between', '/CN=between', 'basicConstraints=critical,CA:TRUE', 'ca', 9);

  async function sign(name: string, subject: string, extension: string, by: string, days: number): Promise<void> {
    await openssl('req', ...KEY, '-subj', subject, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`));
    await writeFile(at(`${name}.ext`), extension);
    // not -CAcreateserial: its file is read half written when several are signed at once
    const serial = `0x00${randomBytes(16).toString('hex')}`;
    const issuer = ['-CA', at(`${by}.pem`), '-CAkey', at(`${by}.key`), '-set_serial', serial];
    const files = ['-in', at(`${name}.csr`), '-extfile', at(`${name}.ext`), '-out', at(`${name}.pem`)];
    await openssl('x509', '-req', ...issuer, ...files, '-days', String(days));
  }

  let count = 0;
  return {
    file: at('ca.pem'),
    async issue(names, days, chain = 'whole') {
      count += 1;
      const name = `server${count}`;
      await sign(name, '/CN=server', `subjectAltName=${names}`, 'between', days);
      const files = chain === 'whole' ? [`${name}.pem`, 'between.pem'] : [`${name}.pem`];
      const pems = await Promise.all(files.map((file) => readFile(at(file), 'utf8')));
      await writeFile(at(`${name}-chain.pem`), pems.join(''));
      return { cert: at(`${name}-chain.pem`), key: at(`${name}.key`) };
    },
  };
}

/** One that vouches for itself. */
export async function selfSigned(): Promise<Certificate> {
  const dir = await tempDir();
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  await openssl('req', '-x509', ...KEY, '-days', '90', ...names, '-keyout', key, '-out', cert);
  return { cert, key };
}

async function openssl(...args: readonly string[]): Promise<void> {
  const child = startChild('openssl', args);
  expect(await child.exited, child.output.join('\n')).toMatchObject({ code: 0 });
}
