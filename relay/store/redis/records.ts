import type { Lost } from '../lost.js';
import type { SocketRecord } from '../store.js';

/** A socket as it lies in the hash of its user: `replica|JSON`, so that Lua finds the replica without parsing. */
export function packSocket({ id: _, replica, ...rest }: SocketRecord): string {
  return `${replica}|${JSON.stringify(rest)}`;
}

export function parseSocket(id: string, packed: string): SocketRecord {
  const bar = packed.indexOf('|');
  const rest = JSON.parse(packed.slice(bar + 1)) as Omit<SocketRecord, 'id' | 'replica'>;
  return { id, replica: packed.slice(0, bar), ...rest };
}

/** Lost sockets lie as `at|cursor|` and the packed socket. */
export function parseLost(hash: Readonly<Record<string, string>>): readonly Lost[] {
  return Object.entries(hash).map(([id, packed]) => {
    const [at = '', cursor = ''] = packed.split('|', 2);
    const { browser } = parseSocket(id, packed.slice(at.length + cursor.length + 2));
    return { id, browser, cursor, at: Number(at) };
  });
}
