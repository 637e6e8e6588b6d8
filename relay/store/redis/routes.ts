import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Health, Routes, StoreEvents } from '../store.js';
import type { RedisClient } from './connect.js';
import type { Keys } from './keys.js';
import { available } from './scripting.js';
import { type Frame, parseFrame } from './wire.js';

/** An answer later than this is taken for none, milliseconds. */
const ANSWER_WITHIN = 2_500;
/** For so long after an outage a replica that does not hear may be coming back, and is asked again; milliseconds. */
const COMING_BACK = 3_000;
const ASK_AGAIN = 200;
/** A probe through the publish path: how often, and how old the last return may be, milliseconds. */
export const PROBE_EVERY = 2_000;
const PROBE_GOOD_FOR = 5_000;

export interface RedisRoutes extends Omit<Routes, 'replicas'> {
  /** Takes one frame from this replica's channel, or from that of all. */
  receive(text: string, events: StoreEvents): void;
  /**
   * Sends a probe; answers whether the ones before came back: two silent intervals mean a deaf connection. `since` is
   * when the connections last changed, Unix milliseconds: from then on the silence counts.
   */
  probe(since: number): boolean;
}

export interface RedisRoutesOptions {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly replica: string;
  readonly log: Logger;
  /** How long both connections have been up, milliseconds; below 0 when one is away. */
  readonly connectedFor: () => number;
}

export function createRedisRoutes({ client, keys, replica, log, connectedFor }: RedisRoutesOptions): RedisRoutes {
  const waiting = new Map<string, (answer: unknown) => void>();
  let returned = 0;
  let took = 0;

  const publish = (to: string, text: string) => available(client.publish(keys.channel + to, text));

  async function answer(frame: Frame & { kind: 'question' }, events: StoreEvents): Promise<void> {
    const value = await events.onQuestion(JSON.parse(frame.value));
    await publish(frame.from, `a\0${frame.id}\0${JSON.stringify(value ?? null)}`);
  }

  return {
    async ask(to, question) {
      const id = randomUUID();
      const answered = new Promise<unknown>((resolve) => {
        const finish = (value: unknown) => {
          clearTimeout(timer);
          waiting.delete(id);
          resolve(value);
        };
        const timer = setTimeout(finish, ANSWER_WITHIN, undefined);
        waiting.set(id, finish);
      });
      const put = () => publish(to, `q\0${id}\0${replica}\0${JSON.stringify(question)}`);
      // a Cluster counts the subscribers of one node only
      while ((await put()) === 0 && !client.isCluster) {
        if (connectedFor() > COMING_BACK) waiting.get(id)?.(undefined);
        // right after an outage others may only not be back yet
        else await pause(ASK_AGAIN);
        if (!waiting.has(id)) break;
      }
      return answered;
    },
    health(): Health {
      const age = Date.now() - returned;
      const up = age < PROBE_GOOD_FOR;
      const reason = returned === 0 ? 'no probe has come back yet' : `the last probe came back ${age} ms ago`;
      return { up, reason, probeSeconds: took / 1000 };
    },
    probe(since) {
      const heard = Date.now() - Math.max(returned, since) < 2 * PROBE_EVERY + PROBE_EVERY / 2;
      publish(replica, `h\0${Date.now()}`).catch((error: unknown) =>
        log.debug({ err: error }, 'store: probe not sent'),
      );
      return heard;
    },
    receive(text, events) {
      const frame = parseFrame(text);
      switch (frame?.kind) {
        case 'message':
          return events.onMessage(frame.user, frame.position, frame.message);
        case 'signal':
          return events.onSignal(frame.user, frame.message);
        case 'presence':
          return events.onPresence(frame.user, frame.online, frame.lastSeen);
        case 'members':
          if (frame.from !== replica) events.onMembers(frame.conversation);
          return;
        case 'probe':
          returned = Date.now();
          took = returned - frame.number;
          return;
        case 'answer':
          return waiting.get(frame.id)?.(JSON.parse(frame.value));
        case 'question':
          answer(frame, events).catch((error: unknown) => log.warn({ err: error }, 'store: question not answered'));
          return;
        case undefined:
          log.warn({ kind: text.slice(0, 1) }, 'store: a frame of an unknown kind');
      }
    },
  };
}
