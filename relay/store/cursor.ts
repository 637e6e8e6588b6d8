import type { Position } from './store.js';

/** The text of a position that clients keep: opaque to them. */
export function cursorOf(position: Position): string {
  return `${position.epoch}.${position.seq}`;
}

/** `undefined` for anything that is no cursor of ours. */
export function parseCursor(cursor: unknown): Position | undefined {
  if (typeof cursor !== 'string') return undefined;
  const match = /^([0-9a-z]{1,32})\.(\d{1,15})$/.exec(cursor);
  return match?.[1] === undefined ? undefined : { epoch: match[1], seq: Number(match[2]) };
}
