import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from './connect.js';

/** How often a Cluster that is not whole is asked whether it is again, milliseconds. */
const ASK_EVERY = 300;
/** Another node may take a master's place and no connection is lost by that: how often it is looked for, milliseconds. */
const LOOK_EVERY = 2_000;

export interface ContactEvents {
  /** What was written last may be gone when contact is found again. Maybe more than once before that. */
  onLost(): void;
  /** Everything can be read and written; also the first time. */
  onFound(): void;
}

/**
 * Tells when contact with the store is lost and found: with a single Redis, when its connection is. A Cluster counts as
 * lost also when one master is, or another node has taken its place; it is found when every master answers that the
 * Cluster is well. One without `cluster-require-full-coverage` is not found either before all its masters are back.
 */
export function watchContact(client: RedisClient, events: ContactEvents): void {
  if (client instanceof Cluster) {
    watchCluster(client, events);
    return;
  }
  client.on('close', events.onLost);
  client.on('ready', events.onFound);
}

function watchCluster(cluster: Cluster, { onLost, onFound }: ContactEvents): void {
  /** Of the Cluster as it was found; `undefined` while it is lost. */
  let masters: readonly string[] | undefined;
  let losses = 0;
  let finding = false;

  const lose = () => {
    losses += 1;
    masters = undefined;
    onLost();
  };

  async function find(): Promise<void> {
    if (finding) return;
    finding = true;
    while (cluster.status === 'ready' && masters === undefined) {
      const before = losses;
      const found = await mastersOfWhole(cluster).catch(() => undefined);
      if (found !== undefined && losses === before) masters = found;
      else await pause(ASK_EVERY);
    }
    finding = false;
    if (masters !== undefined) onFound();
  }

  cluster.on('close', lose);
  cluster.on('ready', find);
  cluster.on('-node', (node: Redis) => {
    if (!masters?.includes(nameOf(node))) return;
    lose();
    void find();
  });
  // not the library's own interval, which holds the process when it is closed at the wrong moment
  const look = () => cluster.status === 'ready' && cluster.refreshSlotsCache();
  const looking = setInterval(look, LOOK_EVERY).unref();
  cluster.on('end', () => clearInterval(looking));
  cluster.on('refresh', () => {
    if (masters === undefined || masters.join() === mastersOf(cluster).join()) return;
    lose();
    void find();
  });
}

/** @throws Error when a master can't be reached, or says that the Cluster is not well: nobody serves some of its slots */
async function mastersOfWhole(cluster: Cluster): Promise<readonly string[]> {
  await new Promise<void>((resolve, reject) => {
    cluster.refreshSlotsCache((error) => (error ? reject(error) : resolve()));
  });
  const states = await Promise.all(cluster.nodes('master').map((node) => node.cluster('INFO')));
  if (!states.every((state) => String(state).includes('cluster_state:ok'))) throw new Error('not all slots are served');
  return mastersOf(cluster);
}

const mastersOf = (cluster: Cluster) => cluster.nodes('master').map(nameOf).sort();
const nameOf = ({ options }: Redis) => `${options.host}:${options.port}`;
