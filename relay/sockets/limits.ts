import { RelayError } from '../errors.js';

/** How many sockets there may be, in all and for one address; users are counted where their sockets are known to all. */
export interface Limits {
  /** Counts a socket in. @throws RelayError `too_many_connections` with its `scope` */
  enter(address: string): void;
  leave(address: string): void;
}

export function createLimits(options: { total: number; perAddress: number }): Limits {
  const addresses = new Map<string, number>();
  let total = 0;

  return {
    enter(address) {
      if (options.total > 0 && total >= options.total) throw tooMany('total', options.total);
      const own = addresses.get(address) ?? 0;
      if (options.perAddress > 0 && own >= options.perAddress) throw tooMany('address', options.perAddress);
      total += 1;
      addresses.set(address, own + 1);
    },
    leave(address) {
      total -= 1;
      const own = (addresses.get(address) ?? 1) - 1;
      if (own === 0) addresses.delete(address);
      else addresses.set(address, own);
    },
  };
}

function tooMany(scope: 'total' | 'address', limit: number): RelayError {
  const whom = scope === 'total' ? 'the relay' : 'an address';
  return new RelayError('too_many_connections', `${whom} may have ${limit} sockets`, { extra: { scope } });
}
