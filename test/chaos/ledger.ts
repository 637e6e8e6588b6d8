/** A numbered message, as the feeder knows it. Times are milliseconds of `performance.now()`. */
export interface Sent {
  readonly id: string;
  readonly conversation: number;
  /** The users in the conversation, the sender too. */
  readonly users: readonly string[];
  readonly postedAt: number;
  /** When it was answered 200; `undefined` until then. */
  acceptedAt: number | undefined;
}

/** What one tab was shown. */
export interface Account {
  readonly tab: string;
  readonly user: string;
  /** How often it was shown each message, by id. */
  readonly shown: Map<string, number>;
  readonly missing: Set<string>;
  readonly outOfOrder: string[];
  readonly repeated: string[];
  /** Repeats of what the page had confirmed: it answered a ping behind them, and long enough before it was cut off. */
  readonly unexplained: string[];
  /** Milliseconds from each reconnect with something to catch up to having caught up. */
  readonly replays: number[];
  /** To be called when the tab is connected again, which starts the clock of a replay. */
  reconnected(): void;
  dropped(): void;
  /** A pong went out, which proves all that was shown before. */
  ponged(): void;
  /** @returns what it was: anything but `first` is a fault */
  show(id: string): 'first' | 'repeated' | 'out of order' | 'unknown';
}

export interface Ledger {
  readonly sent: ReadonlyMap<string, Sent>;
  readonly accounts: readonly Account[];
  open(tab: string, user: string): Account;
  posted(message: Omit<Sent, 'postedAt' | 'acceptedAt'>): void;
  accepted(id: string): void;
  /** Messages that tabs still wait for. */
  missing(): number;
  /** First showings so far, of all tabs. */
  firstShowings(): number;
}

/** A pong may be so long on its way to the store on a busy machine, where a crash does not reach it. */
const PONG_UNDER_WAY_MS = 1_500;

/**
 * Every tab is expected to be shown every message of its user's conversations once, in the order of acceptance: a
 * message answered 200 comes before any that was first posted after that.
 */
export function createLedger(): Ledger {
  const sent = new Map<string, Sent>();
  const accounts: Account[] = [];
  const byUser = new Map<string, Account[]>();
  let firstShowings = 0;
  return {
    sent,
    accounts,
    open(tab, user) {
      const account = openAccount(tab, user, sent, () => {
        firstShowings += 1;
      });
      accounts.push(account);
      byUser.set(user, [...(byUser.get(user) ?? []), account]);
      return account;
    },
    posted(message) {
      sent.set(message.id, { ...message, postedAt: performance.now(), acceptedAt: undefined });
      for (const account of message.users.flatMap((user) => byUser.get(user) ?? [])) {
        account.missing.add(message.id);
      }
    },
    accepted(id) {
      const message = sent.get(id);
      if (message !== undefined) {
        message.acceptedAt = performance.now();
      }
    },
    missing: () => accounts.reduce((sum, account) => sum + account.missing.size, 0),
    firstShowings: () => firstShowings,
  };
}

function openAccount(tab: string, user: string, sent: ReadonlyMap<string, Sent>, onFirst: () => void): Account {
  let latestPosted = Number.NEGATIVE_INFINITY;
  /** Shown on this connection, and when the pong behind it went out. */
  const unproven = new Set<string>();
  const ponged = new Map<string, number>();
  const confirmed = new Set<string>();
  let catchingUp: { readonly since: number; readonly rest: Set<string> } | undefined;
  const account: Account = {
    tab,
    user,
    shown: new Map(),
    missing: new Set(),
    outOfOrder: [],
    repeated: [],
    unexplained: [],
    replays: [],
    reconnected() {
      const rest = [...account.missing].filter((id) => sent.get(id)?.acceptedAt !== undefined);
      catchingUp = rest.length === 0 ? undefined : { since: performance.now(), rest: new Set(rest) };
    },
    dropped() {
      catchingUp = undefined;
      const now = performance.now();
      for (const [id, at] of ponged) if (at < now - PONG_UNDER_WAY_MS) confirmed.add(id);
      ponged.clear();
      unproven.clear();
    },
    ponged() {
      const now = performance.now();
      for (const id of unproven) ponged.set(id, now);
      unproven.clear();
    },
    show(id) {
      const message = sent.get(id);
      if (message === undefined) {
        return 'unknown';
      }
      const times = (account.shown.get(id) ?? 0) + 1;
      account.shown.set(id, times);
      unproven.add(id);
      if (times > 1) {
        account.repeated.push(id);
        if (confirmed.has(id)) account.unexplained.push(id);
        return 'repeated';
      }
      onFirst();
      account.missing.delete(id);
      if (catchingUp?.rest.delete(id) && catchingUp.rest.size === 0) {
        account.replays.push(performance.now() - catchingUp.since);
        catchingUp = undefined;
      }
      const late = message.acceptedAt !== undefined && message.acceptedAt < latestPosted;
      latestPosted = Math.max(latestPosted, message.postedAt);
      if (late) {
        account.outOfOrder.push(id);
      }
      return late ? 'out of order' : 'first';
    },
  };
  return account;
}
