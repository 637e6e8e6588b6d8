import { RelayError } from '../../errors.js';
import type { RedisClient } from './connect.js';

export type Script = (...args: readonly (string | number)[]) => Promise<unknown>;

/** Makes a Lua script callable: first its `keys` keys, then its arguments. The library sends it by its hash. */
export function defineScript(client: RedisClient, name: string, keys: number, lua: string): Script {
  client.defineCommand(name, { numberOfKeys: keys, lua });
  // defineCommand adds a method that its types don't know
  const methods = client as unknown as Readonly<Record<string, Script | undefined>>;
  const method = methods[name]?.bind(client);
  if (method === undefined) throw new Error(`script ${name} could not be defined`);
  return (...args) => available(method(...args));
}

/** Any failure of the store is told as `store_unavailable`: PHP keeps its message and tries again. */
export async function available<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw new RelayError('store_unavailable', 'the store did not answer', { retryAfter: 1, cause: error });
  }
}

/** A script's reply as a list; what is no list is a broken store. */
export function list(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new RelayError('store_unavailable', 'the store answered something unexpected');
  return reply;
}

export function string(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}
