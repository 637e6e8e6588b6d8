import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { type ReportingStore, storeFigures } from '../figures.js';
import { type Health, KNOWN_FOR, type StoreEvents } from '../store.js';
import { connect, type RedisClient } from './connect.js';
import { watchContact } from './contact.js';
import { createRedisInbox } from './inbox.js';
import { createKeys } from './keys.js';
import { BEAT, createLeases, LEASE } from './leases.js';
import { readPersistence } from './persistence.js';
import { createRedisPresence } from './presence.js';
import { createRedisConversations, createRedisDevices, createRedisPairs } from './relations.js';
import { createRedisRoutes, PROBE_EVERY } from './routes.js';

export interface RedisStoreOptions {
  readonly url: string;
  readonly prefix: string;
  readonly inboxLimit: number;
  /** Seconds. */
  readonly inboxTtl: number;
  readonly log: Logger;
  /** A connection was given up because probes did not come back. */
  readonly onReconnect?: () => void;
}

/** How often users whose time has come are announced offline, milliseconds. */
const OFFLINE_EVERY = 500;

/** State shared through Redis: one connection for commands, one that is subscribed to this replica's channel. */
export function createRedisStore(options: RedisStoreOptions): ReportingStore {
  const { url, prefix, inboxLimit, inboxTtl, log, onReconnect } = options;
  const replica = randomUUID();
  const keys = createKeys(prefix);
  const client = connect(url, 'commands');
  const subscriber = connect(url, 'subscriber');
  const leases = createLeases({ client, keys, replica, inboxTtl });
  const routes = createRedisRoutes({ client, keys, replica, log, connectedFor: () => Date.now() - connectedSince });
  const channels = [keys.channel + replica, keys.all];
  const timers: NodeJS.Timeout[] = [];
  let connectedSince = Number.POSITIVE_INFINITY;
  /** When a connection last came or went. */
  let changed = Date.now();
  let closed = false;
  /** The replicas that the last beat found dead, and the sweep under way. */
  let dead: readonly string[] = [];
  let sweeping: Promise<void> | undefined;
  /** What Redis said to the last beat in place of taking it, as when it is full. What is published comes through then. */
  let refusal: string | undefined;
  /** Since when it takes beats again. */
  let takenSince = 0;

  /** Runs on a timer, never twice at once; what fails is tried again at the next turn. */
  function every(milliseconds: number, stage: string, task: () => Promise<void>): void {
    let running = false;
    const run = async () => {
      if (running || client.status !== 'ready') return;
      running = true;
      await task().catch(notDone(stage));
      running = false;
    };
    timers.push(setInterval(run, milliseconds));
  }

  const notDone = (stage: string) => (error: unknown) => log.warn({ err: error, stage }, 'store: not done');

  async function beat(events: StoreEvents): Promise<void> {
    const { held, dead: found } = await renew(events);
    if (!held) events.onRestored();
    // right after an outage every lease looks old: others get the time to renew theirs
    dead = Date.now() - Math.max(connectedSince, takenSince) > LEASE ? found : [];
    if (closed || sweeping !== undefined) return;
    // not awaited: meanwhile this replica would be held for dead itself
    sweeping = sweep()
      .catch(notDone('sweep'))
      .finally(() => {
        sweeping = undefined;
      });
  }

  async function renew(events: StoreEvents) {
    try {
      const renewed = await leases.renew(events.load());
      if (refusal !== undefined) takenSince = Date.now();
      refusal = undefined;
      return renewed;
    } catch (error) {
      refusal = refusalIn(error) ?? refusal;
      throw error;
    }
  }

  function health(): Health {
    const probed = routes.health();
    if (refusal === undefined || !probed.up) return probed;
    return { ...probed, up: false, reason: `Redis takes no writes: ${refusal}` };
  }

  async function sweep(): Promise<void> {
    // one may be back by the time that the one before it is swept
    for (const id of dead) if (!closed && dead.includes(id)) await leases.sweep(id, () => closed);
  }

  function probe(): void {
    if (routes.probe(changed)) return;
    changed = Date.now();
    log.error({ stage: 'probe' }, 'store: probes do not come back, reconnecting');
    onReconnect?.();
    client.disconnect(true);
    subscriber.disconnect(true);
  }

  function listen(events: StoreEvents): void {
    report(client, 'commands', log);
    report(subscriber, 'subscriber', log);
    // not 'message': for that the library makes a text of the channel as well, and a list of who listens
    subscriber.on('messageBuffer', (_channel: unknown, frame: Buffer) => routes.receive(frame.toString(), events));
    const change = () => {
      changed = Date.now();
    };
    for (const connection of [client, subscriber]) connection.on('close', change).on('ready', change);
    let lost = false;
    let reached = false;
    let subscribed = false;
    const away = () => {
      if (!lost) events.onAway();
      lost = true;
      connectedSince = Number.POSITIVE_INFINITY;
    };
    subscriber.on('close', () => {
      subscribed = false;
      away();
    });
    // not before both: what is published between joining again and hearing again would be missed
    const back = () => {
      if (!reached || !subscribed) return;
      connectedSince = Date.now();
      routes.probe(changed);
      if (lost) events.onRestored();
      lost = false;
    };
    watchContact(client, {
      onLost() {
        // a connection that is lost says so itself
        if (reached && client.status === 'ready')
          log.warn({ stage: 'commands' }, 'store: a master was lost or replaced');
        reached = false;
        away();
      },
      onFound() {
        if (client.isCluster) log.info({ stage: 'commands' }, 'store: all slots are served');
        reached = true;
        back();
      },
    });
    subscriber.on('ready', () => {
      const heard = () => {
        subscribed = true;
        back();
      };
      // not heard in time: probes will not come back either, and that reconnects
      subscriber.subscribe(...channels).then(heard, (error: unknown) => {
        log.warn({ err: error, stage: 'subscriber' }, 'store: not subscribed');
      });
    });
  }

  return {
    replica,
    inbox: createRedisInbox({ client, keys, replica, inboxLimit, inboxTtl, knownFor: KNOWN_FOR }),
    presence: createRedisPresence({ client, keys, replica, inboxTtl }),
    conversations: createRedisConversations({ client, keys, replica, inboxTtl }),
    devices: createRedisDevices(client, keys),
    pairs: createRedisPairs(client, keys),
    routes: {
      ask: routes.ask,
      health,
      replicas: async () => (await leases.replicas()).map((r) => ({ ...r, self: r.id === replica })),
    },
    figures: async () => storeFigures('redis', health(), await readPersistence(client)),
    async open(events) {
      listen(events);
      const opened = await Promise.allSettled([client.connect(), subscriber.connect()]);
      if (opened.every(({ status }) => status === 'fulfilled')) {
        await Promise.allSettled([subscriber.subscribe(...channels), renew(events)]);
      }
      every(BEAT, 'lease', () => beat(events));
      every(OFFLINE_EVERY, 'offline', leases.announceOffline);
      timers.push(setInterval(probe, PROBE_EVERY));
    },
    async close() {
      closed = true;
      for (const timer of timers) clearInterval(timer);
      await sweeping;
      if (client.status === 'ready')
        await leases.end().catch((error: unknown) => log.warn({ err: error }, 'store: lease not ended'));
      client.disconnect();
      subscriber.disconnect();
    },
  };
}

/** What Redis answered, when it did: it is there. */
function refusalIn(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && cause.name === 'ReplyError' ? cause.message : undefined;
}

/** An error of a connection is logged with its stage and never unhandled; both sides reconnect by themselves. */
function report(connection: RedisClient, role: string, log: Logger): void {
  connection.on('error', (error: Error) => log.warn({ stage: role, reason: error.message }, 'store: connection error'));
  connection.on('ready', () => log.info({ stage: role }, 'store: connected'));
  connection.on('close', () => log.warn({ stage: role }, 'store: connection lost'));
}
