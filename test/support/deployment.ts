import { type CallOptions, type Internal, internalApi } from './internal.js';
import { sharedRedis } from './redis.js';
import { type Relay, type RelayEnv, startRelay } from './relay.js';

/** Every promise of the contract holds for both: what is tested with one is tested with the other. */
export const DEPLOYMENTS = ['one replica in memory', 'two replicas over Redis'] as const;
export type Deployment = (typeof DEPLOYMENTS)[number];

export interface Site {
  /** The replica that PHP calls. */
  readonly near: Relay;
  /** Where most pages are: another replica where there are two, else the same. */
  readonly far: Relay;
  /** The internal API of `near`. */
  readonly api: Internal;
  /** What one more replica of the same site is started with. */
  readonly store: RelayEnv;
}

export async function deploy(kind: Deployment, env: RelayEnv = {}): Promise<Site> {
  const store = storeOf(kind);
  const start = () => startRelay({ ...store, ...env });
  const [near, far] = store.RELAY_REDIS_URL === undefined ? [await start()] : await Promise.all([start(), start()]);
  return { near, far: far ?? near, api: internalApi(near), store };
}

/** The settings by which relays share a store that no other test has. */
export function storeOf(kind: Deployment): RelayEnv {
  if (kind === 'one replica in memory') return {};
  const { url, prefix } = sharedRedis();
  return { RELAY_REDIS_URL: url, RELAY_REDIS_PREFIX: prefix };
}

/** The internal API of the replica where most pages are. */
export const farApi = (site: Site, defaults: CallOptions = {}): Internal => internalApi(site.far, defaults);

let last = 1_000;

/** A user that no other test of this file has. */
export function newUser(): string {
  last += 1;
  return String(last);
}

/** An id for a message or a conversation, likewise. */
export const newId = newUser;
