import type { IncomingMessage } from 'node:http';
import { type AddressList, plainAddress } from '../addresses.js';

/**
 * The client's address: the peer's, or, behind trusted proxies, the rightmost entry of `X-Forwarded-For` that is no
 * trusted proxy itself: what stands further left anyone can have written.
 */
export function clientAddress(request: IncomingMessage, trusted: AddressList): string {
  let address = plainAddress(request.socket.remoteAddress) ?? '';
  const forwarded = request.headers['x-forwarded-for'];
  if (forwarded === undefined) return address;
  const entries = (Array.isArray(forwarded) ? forwarded.join(',') : forwarded).split(',').reverse();
  for (const entry of entries) {
    const candidate = plainAddress(entry.trim()) ?? '';
    if (candidate === '' || !trusted.has(address)) break;
    address = candidate;
  }
  return address;
}
