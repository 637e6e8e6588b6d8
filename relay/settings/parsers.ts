import { isIP } from 'node:net';
import { parseCidr } from '../addresses.js';

/** Reads the text of one setting; throws an Error whose message says what the setting would take. */
export type Parser<T> = (text: string) => T;

export function text(text: string): string {
  return text;
}

export function integer(min: number, max: number): Parser<number> {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new Error(`must be a whole number from ${min} to ${max}`);
    return value;
  };
}

export function seconds(min: number, max: number): Parser<number> {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new Error(`must be a number of seconds from ${min} to ${max}`);
    return value;
  };
}

export function boolean(text: string): boolean {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new Error('must be true or false');
}

export function oneOf<const T extends string>(...allowed: readonly T[]): Parser<T> {
  return (text) => {
    const found = allowed.find((value) => value === text);
    if (found === undefined) throw new Error(`must be one of: ${allowed.join(', ')}`);
    return found;
  };
}

export function items(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

export function listOf<const T extends string>(...allowed: readonly T[]): Parser<readonly T[]> {
  const one = oneOf(...allowed);
  return (text) => {
    try {
      const list = items(text).map(one);
      if (list.length > 0) return [...new Set(list)];
    } catch {
      // the message below names the whole list
    }
    throw new Error(`must be a comma list of: ${allowed.join(', ')}`);
  };
}

/** At least 32 bytes: RFC 7518 section 3.2 asks for a key as long as the hash for HS256. */
export function secret(text: string): string {
  if (Buffer.byteLength(text) < 32) throw new Error('must be at least 32 bytes (try: openssl rand -hex 32)');
  return text;
}

export function origins(text: string): readonly string[] {
  return items(text).map((item) => {
    const url = URL.canParse(item) ? new URL(item) : undefined;
    const plain = url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '';
    if (!plain || url.username !== '' || url.hash !== '') {
      throw new Error(`must be a comma list of page origins such as https://www.example.org, without a path: ${item}`);
    }
    return url.origin;
  });
}

export function addresses(text: string): readonly string[] {
  const list = items(text);
  for (const item of list) {
    const problem = parseCidr(item);
    if (problem !== undefined) throw new Error(`must be a comma list of addresses or CIDRs: ${problem}`);
  }
  return list;
}

export function httpUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new Error('must be an http:// or https:// URL');
  }
  const { username, password } = new URL(text);
  // fetch refuses every call to one; what is in it is not to be printed
  if (username !== '' || password !== '') throw new Error('must be a URL without a user and a password in it');
  return text;
}

export function redisUrl(text: string): string {
  const sentinel = /^redis\+sentinel:\/\/(?:[^@/]*@)?[^/,@]+(?:,[^/,@]+)*\/[^/]+(?:\/\d+)?$/;
  const nodes = items(text);
  const plain = nodes.length > 0 && nodes.every((n) => URL.canParse(n) && /^rediss?:$/.test(new URL(n).protocol));
  if (plain || sentinel.test(text)) return text;
  throw new Error(
    'must be redis://host:port, rediss://host:port, a comma list of these (a Cluster) or redis+sentinel://host:port,host:port/master-name',
  );
}

export function host(text: string): string {
  const name = /^(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$/;
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) === 0 && !name.test(bare)) throw new Error('must be an address or a host name');
  return bare;
}

/** What a Redis channel begins with. */
export function channelKey(text: string): string {
  if (!/^[^\p{C}\s#]{1,128}$/u.test(text))
    throw new Error('must be 1 to 128 characters without blanks and #, usually socket.io');
  return text;
}

export function eventNames(text: string): readonly string[] {
  const list = items(text);
  const bad = list.find((name) => !/^[\w:.-]{1,64}$/.test(name));
  if (bad !== undefined) throw new Error(`must be a comma list of event names: ${bad}`);
  return list;
}
