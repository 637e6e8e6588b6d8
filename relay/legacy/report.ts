import { errorBody } from '../errors.js';
import type { Said } from './envelope.js';
import type { ShapeCollector } from './learn.js';
import type { LegacyNotify, Unmapped } from './mapping.js';
import { describeShape, HINTS, shapeOf } from './shapes.js';
import { createThrottle } from './throttle.js';

/** The part of a pino logger that is used here. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Tells the owner what old notifiers do. Field names and types are told, contents never. */
export interface Report {
  unmapped(address: string, said: Said, reason: Unmapped): void;
  /** A frame or a connection that held no notify. `why` is one of a fixed set of sentences. */
  unreadable(address: string, why: string): void;
  delivered(address: string, said: Said, known: boolean): void;
  failed(address: string, notify: LegacyNotify, error: unknown): void;
  reusedId(address: string, notify: LegacyNotify): void;
  refused(address: string, why: string): void;
  /** Its address may be that of a proxy which anybody comes through. */
  hidden(address: string): void;
}

export interface ReportOptions {
  readonly log: Log;
  readonly shapes: ShapeCollector;
  readonly now: () => number;
}

const MAX_REMEMBERED = 1_000;
const MOVE =
  'an old WebSocket notifier works; the lasting way is one HTTP call: POST http://127.0.0.1:3001/notify with ' +
  '{"id", "recipients", "sender", "message"}, ready made as RelayClient in php-bridge';
const NAME_PROXY = 'if it is your proxy, name it in RELAY_TRUSTED_PROXIES, and have it send X-Forwarded-For';

export function createReport({ log, shapes, now }: ReportOptions): Report {
  const oncePerMinute = createThrottle(now);
  const greeted = new Set<string>();
  return {
    unmapped(address, said, reason) {
      const shape = shapeOf(said);
      shapes.note(reason, shape);
      const text = describeShape(shape);
      oncePerMinute(`${reason} ${text}`, (times) =>
        log.warn(
          { address, reason, shape: text, times, hint: HINTS[reason] },
          'an old notifier sent what cannot be mapped; npx relay learn shows all',
        ),
      );
    },
    unreadable(address, why) {
      oncePerMinute(`unreadable ${address} ${why}`, (times) =>
        log.warn({ address, why, times }, 'nothing to deliver from an old notifier'),
      );
    },
    delivered(address, said, known) {
      if (!known) shapes.note('own_name', shapeOf(said));
      if (greeted.has(address) || greeted.size >= MAX_REMEMBERED) return;
      greeted.add(address);
      log.info({ address }, MOVE);
    },
    failed(address, notify, error) {
      const { code } = errorBody(error);
      const { event, conversation, id } = notify;
      // Keyed by what went wrong, not by message: a store that is down would write a line for each.
      oncePerMinute(`failed ${code} ${event}`, (times) =>
        log.error(
          { address, event, conversation, id, times, err: error },
          `an old notifier's event was not delivered: ${code}`,
        ),
      );
    },
    reusedId(address, { event, id }) {
      oncePerMinute(`reused ${address} ${event}`, (times) =>
        log.warn(
          { address, event, id, times },
          'different messages under one id: taken for no message id; RELAY_LEGACY_FIELDS=id=FIELD names the right field',
        ),
      );
    },
    refused(address, why) {
      oncePerMinute(`refused ${address} ${why}`, (times) =>
        log.warn({ address, times }, `an old notifier was refused: ${why}`),
      );
    },
    hidden(address) {
      oncePerMinute(`hidden ${address}`, (times) =>
        log.warn({ address, times, hint: NAME_PROXY }, 'not taken for an old notifier: it came through a proxy'),
      );
    },
  };
}
