import type { IncomingMessage } from 'node:http';
import { type AddressList, plainAddress } from '../addresses.js';

/** What proxies add besides `X-Forwarded-For`, in nginx's, Apache's and the RFCs' names. */
const BY_PROXIES = /^(x-forwarded-.+|forwarded|x-real-ip|via)$/;

/**
 * The client's address: the peer's, or, behind trusted proxies, the rightmost entry of `X-Forwarded-For` that is no
 * trusted proxy itself: what stands further left anyone can have written.
 */
export function clientAddress(request: IncomingMessage, trusted: AddressList): string {
  return follow(request, trusted).address;
}

/**
 * Whether the address may be only that of a proxy which brings anybody's requests: one that is not trusted, or that
 * does not say for whom. No right goes by such an address. A proxy that adds no header at all is not seen.
 */
export function isHiddenByProxy(request: IncomingMessage, trusted: AddressList): boolean {
  const { unread } = follow(request, trusted);
  if (unread !== undefined) return unread > 0;
  return Object.keys(request.headers).some((name) => BY_PROXIES.test(name));
}

/** `unread` are the entries left of the address; undefined where the header is missing. */
function follow(request: IncomingMessage, trusted: AddressList): { address: string; unread: number | undefined } {
  let address = plainAddress(request.socket.remoteAddress) ?? '';
  const forwarded = request.headers['x-forwarded-for'];
  if (forwarded === undefined) return { address, unread: undefined };
  const entries = (Array.isArray(forwarded) ? forwarded.join(',') : forwarded).split(',');
  let unread = entries.length;
  while (unread > 0 && trusted.has(address)) {
    const candidate = plainAddress(withoutPort(entries[unread - 1] ?? ''));
    if (candidate === undefined) break;
    address = candidate;
    unread -= 1;
  }
  return { address, unread };
}

/** Azure's and IIS's proxies send `203.0.113.9:51234` and `[2001:db8::1]:443`. */
function withoutPort(entry: string): string {
  const [, ipv6, ipv4] = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d+)?$/.exec(entry.trim()) ?? [];
  return ipv6 ?? ipv4 ?? entry.trim();
}
