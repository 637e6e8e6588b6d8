import { BlockList, isIP, SocketAddress } from 'node:net';

/** A set of single addresses and networks. */
export interface AddressList {
  /**
   * Whether the address lies in the list. IPv4-mapped IPv6 (`::ffff:10.0.0.1`) is the IPv4 address it wraps, a zone
   * (`%eth0`) is left out. What is no address, or undefined (a socket already gone has none), is in no list.
   */
  has(address: string | undefined): boolean;
  /** How many entries it was made of: 0 is a list that nothing is in. */
  readonly size: number;
}

type Cidr =
  | { readonly ok: true; readonly family: 'ipv4' | 'ipv6'; readonly address: string; readonly prefix: number }
  | { readonly ok: false; readonly error: string };

/**
 * @param list addresses or CIDRs, IPv4 and IPv6; surrounding blanks are ignored
 * @throws Error naming the entry that is neither; a configuration checks each with `parseCidr` before
 */
export function createAddressList(list: readonly string[]): AddressList {
  // One list a family: BlockList compares an IPv4 address with IPv6 networks as well, so `::/0` would hold it.
  const blocks = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const entry of list) {
    const cidr = readCidr(entry);
    if (!cidr.ok) throw new Error(cidr.error);
    blocks[cidr.family].addSubnet(cidr.address, cidr.prefix, cidr.family);
  }
  return {
    size: list.length,
    has(address) {
      const plain = list.length === 0 ? undefined : plainAddress(address);
      if (plain === undefined) return false;
      const family = isIP(plain) === 4 ? 'ipv4' : 'ipv6';
      return blocks[family].check(plain, family);
    },
  };
}

/** What is wrong with the text of an address or CIDR; undefined when nothing is. */
export function parseCidr(text: string): string | undefined {
  const cidr = readCidr(text);
  return cidr.ok ? undefined : cidr.error;
}

/**
 * One spelling for each address, so that it can be a key: no zone, IPv6 shortened as RFC 5952 has it, an IPv4-mapped
 * one as IPv4. Undefined for what is no address.
 */
export function plainAddress(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  const bare = address.replace(/%.*$/, '');
  const version = isIP(bare);
  if (version === 0) return undefined;
  if (version === 4) return bare;
  const short = new SocketAddress({ address: bare, family: 'ipv6' }).address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(short)?.[1] ?? short;
}

/**
 * `10.0.0.0/8`, `2001:db8::/32`, or one address. Bits behind the prefix are allowed and ignored, as nginx does.
 * An IPv4-mapped network (`::ffff:10.0.0.0/104`) becomes the IPv4 network.
 */
function readCidr(text: string): Cidr {
  const [base = '', bits, ...rest] = text.trim().split('/');
  const version = isIP(base);
  const refuse = (why: string): Cidr => ({ ok: false, error: `"${text.trim()}" is ${why}` });
  if (version === 0) return refuse('no IP address or CIDR, like 10.0.0.5, 10.0.0.0/8 or 2001:db8::/32');
  if (base.includes('%')) return refuse('an address with a zone: leave out what follows the %');
  const width = version === 4 ? 32 : 128;
  if (rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits)) || Number(bits ?? 0) > width) {
    return refuse(`a bad network: after the slash stands a number from 0 to ${width}`);
  }
  const prefix = bits === undefined ? width : Number(bits);
  const address = plainAddress(base) ?? base;
  if (isIP(address) === version) return { ok: true, family: version === 4 ? 'ipv4' : 'ipv6', address, prefix };
  if (prefix < 96) return refuse('wider than all IPv4-mapped addresses: write the IPv4 network instead');
  return { ok: true, family: 'ipv4', address, prefix: prefix - 96 };
}
