import { type Lost, UNSERVED } from '../lost.js';
import type { Kept, SocketRecord } from '../store.js';

/** A socket as it lies in the hash of its user: `replica|JSON`, so that Lua finds the replica without parsing. */
export function packSocket({ id: _, replica, ...rest }: SocketRecord): string {
  return `${replica}|${JSON.stringify(rest)}`;
}

export function parseSocket(id: string, packed: string): SocketRecord {
  const bar = packed.indexOf('|');
  const rest = JSON.parse(packed.slice(bar + 1)) as Omit<SocketRecord, 'id' | 'replica'>;
  return { id, replica: packed.slice(0, bar), ...rest };
}

/**
 * Lost sockets lie as `at|cursor|`, the packed socket, NUL and what was shown early, by their id. What a socket has
 * taken lies by `~` and the taker's id: with `-` before it nobody else is to find it.
 */
export function parseLost(hash: Readonly<Record<string, string>>): readonly (Lost & { readonly record: string })[] {
  return Object.entries(hash).flatMap(([id, packed]) => (packed.startsWith('-') ? [] : [parseOne(id, packed)]));
}

/** What the socket has taken before: whoever asks again was not told. */
export function parseTaken(hash: Readonly<Record<string, string>>, socketId: string): Kept | undefined {
  const packed = hash[`~${socketId}`];
  if (packed === undefined) return undefined;
  const { cursor, shown } = parseOne('', packed.replace(/^-/, ''));
  return { cursor, shown };
}

function parseOne(id: string, packed: string): Lost & { readonly record: string } {
  const [at = '', kept = ''] = packed.split('|', 2);
  const [record = '', shown = ''] = packed.slice(at.length + kept.length + 2).split('\0', 2);
  const unserved = kept.startsWith(UNSERVED);
  const cursor = unserved ? kept.slice(UNSERVED.length) : kept;
  const kind = id.startsWith('~') ? 'lent' : unserved ? 'unserved' : 'served';
  return {
    id,
    kind,
    browser: parseSocket(id, record).browser,
    cursor,
    shown: parseShown(shown),
    at: Number(at),
    record,
  };
}

export function packLost(lost: { at: number; cursor: string; record: string; shown: readonly string[] }): string {
  return `${lost.at}|${lost.cursor}|${lost.record}\0${packShown(lost.shown)}`;
}

export const packShown = (keys: readonly string[]) => (keys.length === 0 ? '' : JSON.stringify(keys));
const parseShown = (text: string) => (text === '' ? [] : (JSON.parse(text) as readonly string[]));
