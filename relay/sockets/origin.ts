/** Which pages may connect. A request without `Origin` comes from no browser and passes: it still needs a proof. */
export interface Origins {
  allows(origin: string | undefined): boolean;
  replace(allowed: readonly string[] | undefined): void;
}

const LOCAL = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** `undefined`: in production none; outside it this machine's pages on any port. */
export function createOrigins(allowed: readonly string[] | undefined, production: boolean): Origins {
  let origins = allowed === undefined ? undefined : new Set(allowed);
  return {
    allows(origin) {
      if (origin === undefined) return true;
      return origins === undefined ? !production && LOCAL.test(origin) : origins.has(origin.toLowerCase());
    },
    replace(next) {
      origins = next === undefined ? undefined : new Set(next);
    },
  };
}
