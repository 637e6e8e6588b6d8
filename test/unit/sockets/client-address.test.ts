import { expect, test } from 'vitest';
import { createAddressList } from '../../../relay/addresses.js';
import { clientAddress } from '../../../relay/sockets/client-address.js';

const trusted = createAddressList(['127.0.0.1', '10.0.0.0/8', '2001:db8:ffff::/48']);
const addressOf = (forwarded: string, peer = '::ffff:127.0.0.1'): string =>
  clientAddress({ headers: { 'x-forwarded-for': forwarded }, socket: { remoteAddress: peer } } as never, trusted);

test.each([
  ['203.0.113.9:51234', '203.0.113.9'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['::1', '::1'],
  ['[::ffff:203.0.113.9]:80', '203.0.113.9'],
  ['9.9.9.9:1, 203.0.113.9:51234, 10.0.0.3:8080', '203.0.113.9'],
  ['9.9.9.9, 203.0.113.9, [2001:db8:ffff::1]:443', '203.0.113.9'],
])('X-Forwarded-For: %s is read with and without the port', (forwarded, address) => {
  expect(addressOf(forwarded)).toBe(address);
});

test.each(['', 'unknown', '203.0.113.9:', '203.0.113.9:http', '[203.0.113.9', '9.9.9.9, 203.0.113:1'])(
  'what is no address in X-Forwarded-For (%j) leaves the proxy as the client',
  (forwarded) => {
    expect(addressOf(forwarded)).toBe('127.0.0.1');
  },
);

test('nobody but a trusted proxy is believed', () => {
  expect(addressOf('203.0.113.9:51234', '192.0.2.1')).toBe('192.0.2.1');
});
