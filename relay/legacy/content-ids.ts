import type { LegacyNotify } from './mapping.js';

/** For how long equal content is one message, in milliseconds (CONTRACT section 10; an old client's own retry). */
const WINDOW_MS = 10_000;

/**
 * Gives every notify an id to be idempotent by: the database's, or, where none came, one that equal content shares for
 * 10 s after it was first seen here. A later "ok" is a message of its own. In this process's memory: the retry of an
 * old PHP comes the same way as its first attempt.
 */
export function createContentIds(now: () => number = Date.now): (notify: LegacyNotify) => string {
  const recent = new Map<string, { id: string; until: number }>();
  return ({ id, contentKey }) => {
    if (id !== undefined) return id;
    const at = now();
    for (const [key, { until }] of recent) {
      if (until > at) break;
      recent.delete(key);
    }
    const known = recent.get(contentKey);
    if (known !== undefined) return known.id;
    const made = `content-${contentKey.slice(0, 16)}-${at.toString(36)}`;
    recent.set(contentKey, { id: made, until: at + WINDOW_MS });
    return made;
  };
}
