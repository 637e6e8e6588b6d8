import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { reasonOf } from '../ask.js';
import { type Finding, fail, ok } from '../finding.js';

/** Whether the public host name leads anywhere, and where. */
export async function checkDns(url: URL): Promise<{ finding: Finding; addresses: readonly string[] }> {
  const host = hostOf(url);
  if (isIP(host) !== 0) return { finding: ok('dns', `${host} is an address`), addresses: [host] };
  try {
    const addresses = (await lookup(host, { all: true })).map(({ address }) => address);
    return { finding: ok('dns', `${host} is ${addresses.join(', ')}`), addresses };
  } catch (error) {
    const mend = [`${host}. IN A <the address of the server>   # at the registrar or DNS provider`];
    return { finding: fail('dns', `${host} is not found: ${reasonOf(error)}`, ...mend), addresses: [] };
  }
}

/** The host without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

export function isLoopback(address: string): boolean {
  return /^127\./.test(address) || address === '::1' || address === '::ffff:127.0.0.1';
}
