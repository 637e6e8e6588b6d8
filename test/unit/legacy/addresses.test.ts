import { describe, expect, it } from 'vitest';
import { createAddressList, parseCidr, plainAddress } from '../../../relay/addresses.js';

describe('an address list', () => {
  it('holds single addresses and networks of both families', () => {
    const list = createAddressList(['10.0.0.0/8', ' 192.0.2.7 ', '2001:db8::/32', '::1']);
    for (const inside of ['10.0.0.1', '10.255.255.255', '192.0.2.7', '2001:db8:1::5', '2001:0DB8::1', '::1']) {
      expect(list.has(inside), inside).toBe(true);
    }
    for (const outside of ['11.0.0.1', '192.0.2.8', '2001:db9::1', '::2', 'localhost', '', undefined]) {
      expect(list.has(outside), String(outside)).toBe(false);
    }
    expect(list.size).toBe(4);
    expect(['10.0.0.0/8', '::1', '2001:db8::/32'].map(parseCidr)).toEqual([undefined, undefined, undefined]);
  });

  it('takes an IPv4-mapped address for the IPv4 address, in the list and in the question', () => {
    expect(createAddressList(['10.0.0.0/8']).has('::ffff:10.1.2.3')).toBe(true);
    expect(createAddressList(['10.0.0.0/8']).has('::ffff:0a01:0203')).toBe(true);
    expect(createAddressList(['10.0.0.0/8']).has('::ffff:11.1.2.3')).toBe(false);
    expect(createAddressList(['::ffff:10.0.0.0/104']).has('10.1.2.3')).toBe(true);
    expect(createAddressList(['::ffff:10.0.0.9']).has('10.0.0.9')).toBe(true);
  });

  it('keeps the families apart: all of IPv6 holds no IPv4', () => {
    expect(createAddressList(['::/0']).has('10.0.0.1')).toBe(false);
    expect(createAddressList(['0.0.0.0/0']).has('::1')).toBe(false);
    expect(createAddressList(['0.0.0.0/0']).has('198.51.100.1')).toBe(true);
  });

  it('ignores a zone and bits behind the prefix', () => {
    expect(createAddressList(['fe80::/10']).has('fe80::1%eth0')).toBe(true);
    expect(createAddressList(['10.0.0.5/24']).has('10.0.0.77')).toBe(true);
  });

  it('holds nothing when empty, and refuses to be made of nonsense', () => {
    expect(createAddressList([]).has('127.0.0.1')).toBe(false);
    expect(() => createAddressList(['10.0.0.0/8', 'php-host'])).toThrow('"php-host" is no IP address or CIDR');
  });
});

describe('a CIDR', () => {
  it.each([
    ['', 'no IP address'],
    ['10.0.0', 'no IP address'],
    ['010.0.0.1', 'no IP address'],
    ['10.0.0.0/33', '0 to 32'],
    ['10.0.0.0/', '0 to 32'],
    ['10.0.0.0/8/8', '0 to 32'],
    ['2001:db8::/129', '0 to 128'],
    ['fe80::1%eth0', 'zone'],
    ['::ffff:10.0.0.0/64', 'IPv4 network'],
  ])('%j is refused with a reason', (text, reason) => {
    expect(parseCidr(text)).toContain(reason);
    expect(parseCidr(`${text} `)).toContain(`"${text}" is `);
  });
});

it('an address has one spelling', () => {
  expect(plainAddress('2001:0DB8:0:0::0001')).toBe('2001:db8::1');
  expect(plainAddress('::ffff:7f00:1')).toBe('127.0.0.1');
  expect(plainAddress('nobody')).toBeUndefined();
});
