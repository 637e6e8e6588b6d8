export const MODES = ['network', 'rolling', 'kill', 'redis'] as const;
export type Mode = (typeof MODES)[number];

/** The relay, or Socket.IO with its Redis adapter, written as one would. */
export const SERVERS = ['relay', 'stock'] as const;
export type Server = (typeof SERVERS)[number];

/**
 * - `unmodified`: says who it is once, at page load
 * - `register-on-connect`: the same page, edited to say it on every connect
 * - `relay-client`: the unmodified page with the relay's one script
 */
export const PAGES = ['unmodified', 'register-on-connect', 'relay-client'] as const;
export type Page = (typeof PAGES)[number];

export const IDENTITIES = ['session', 'claim', 'token'] as const;
export type Identity = (typeof IDENTITIES)[number];

/** What leads pages to the replicas: each tab's own line, at random, or the nginx of the README. */
export const WAYS = ['lines', 'nginx'] as const;
export type Way = (typeof WAYS)[number];

/** One run: one server, one kind of page, one kind of fault. */
export interface Experiment {
  readonly server: Server;
  readonly page: Page;
  readonly mode: Mode;
  readonly identity: Identity;
  readonly seed: number;
  /** Tabs: of ten, one shares its browser with another and one is a second browser of another's user. */
  readonly clients: number;
  /** How long things are broken. Connecting before it and settling after it come on top, at most 75 s. */
  readonly seconds: number;
  readonly replicas: number;
  readonly through: Way;
  /** Without Redis: one replica, its store in memory. */
  readonly memory: boolean;
  /** `appendfsync` of Redis: with `everysec` a `kill -9` may take answered writes with it. */
  readonly fsync: 'always' | 'everysec';
  /** Mean seconds between two cuts of one browser, and mean seconds for which it is then refused. */
  readonly cutEvery: number;
  readonly refuseFor: number;
  /** Share of the cuts that only the page notices: the server's side stays open and silent. */
  readonly halfOpen: number;
  /** Mean seconds between two messages of one conversation of six; every user is in two. */
  readonly pace: number;
  readonly drainSeconds: number;
  /** Where the replicas' logs go; nowhere if undefined. */
  readonly logs: string | undefined;
}

export const SHORT: Experiment = {
  server: 'relay',
  page: 'unmodified',
  mode: 'network',
  identity: 'session',
  seed: 7,
  clients: 120,
  seconds: 35,
  replicas: 2,
  through: 'lines',
  memory: false,
  fsync: 'always',
  cutEvery: 15,
  refuseFor: 2,
  halfOpen: 0.2,
  pace: 1,
  drainSeconds: 3,
  logs: undefined,
};
