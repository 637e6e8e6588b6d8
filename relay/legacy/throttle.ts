const MINUTE_MS = 60_000;
/** Keys come from outside: no more than these are remembered. */
const MAX_REMEMBERED = 1_000;

/** Runs `tell` for the first of its key in a minute; `times` counts this one and those kept quiet since the last told. */
export function createThrottle(now: () => number): (key: string, tell: (times: number) => void) => void {
  const told = new Map<string, { at: number; quiet: number }>();
  return (key, tell) => {
    const last = told.get(key);
    if (last !== undefined && now() - last.at < MINUTE_MS) {
      last.quiet += 1;
      return;
    }
    if (last === undefined && told.size >= MAX_REMEMBERED) forgetOldest(told);
    told.delete(key);
    told.set(key, { at: now(), quiet: 0 });
    tell((last?.quiet ?? 0) + 1);
  };
}

function forgetOldest(told: Map<string, unknown>): void {
  const oldest = told.keys().next();
  if (!oldest.done) told.delete(oldest.value);
}
