import type { Logger } from 'pino';
import type { ShapeCollector } from '../legacy/learn.js';
import { describeShape, shapeOf } from '../legacy/shapes.js';

/** What a page may say to the relay itself. */
export const OUR_EVENTS: ReadonlySet<string> = new Set([
  'register_user',
  'send_message',
  'typing',
  'message_read',
  'watch_presence',
  'refresh_token',
]);

/** Page events that nobody answers: counted, kept for `relay learn`, and logged once a minute and name. */
export function createUnknownEvents(options: { shapes: ShapeCollector; log: Logger; onEvent: () => void }) {
  const { shapes, log, onEvent } = options;
  const logged = new Map<string, number>();

  return (event: string, payload: unknown): void => {
    onEvent();
    const shape = shapeOf({ name: event, data: payload, around: {} });
    shapes.note('unknown_page_event', shape);
    const now = Date.now();
    if (now - (logged.get(event) ?? 0) < MINUTE || (logged.size >= NAMES && !logged.has(event))) return;
    logged.set(event, now);
    log.warn(
      { event, shape: describeShape(shape) },
      'a page event that the relay does not know: npx relay learn proposes what it may mean, RELAY_BACKEND_EVENTS hands it to PHP',
    );
  };
}

const MINUTE = 60_000;
/** Pages can make up names: no more than these are remembered. */
const NAMES = 1_000;
