/**
 * The seam to the state that replicas share. Memory (one process) and Redis implement it alike; one contract suite
 * runs against both. Every promise rejects with RelayError `store_unavailable` when the store can't be reached.
 *
 * A user's inbox numbers its messages 1, 2, 3 … without a hole, so that whoever holds number n and is given n + 2
 * knows that something is missing and where to read it. The numbers are good within one epoch; a store that lost
 * them (came back empty, or fell behind what a replica has seen) begins another.
 */

/** A place in one user's inbox: everything up to and including `seq` of this epoch. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** How far somebody has come in an inbox. */
export interface Seen extends Position {
  /** When the message at `seq`, or the last one before it, was accepted, Unix milliseconds; 0 where that is not known. */
  readonly at: number;
}

/** What is written to a socket. `body` is the JSON of the event's first argument. */
export interface Message {
  readonly event: string;
  readonly id: string;
  readonly body: string;
  /** When it was accepted, Unix milliseconds. */
  readonly at: number;
}

export interface Delivery {
  readonly user: string;
  readonly message: Message;
  /** What makes it the same message for this user for 24 h. */
  readonly key: string;
  /** A second name of the same message: known under either, it is known under both. */
  readonly alias?: string;
}

export interface Appended extends Position {
  readonly user: string;
  /** The user had it already; `seq` is then where the inbox stands. */
  readonly duplicate: boolean;
  /** The user has at least one socket on any replica. */
  readonly online: boolean;
}

export interface InboxEntry extends Message {
  readonly seq: number;
}

export interface InboxPage extends Position {
  /** The lowest position from which the inbox still is gapless. */
  readonly floor: number;
  readonly entries: readonly InboxEntry[];
}

export interface Inbox {
  /**
   * Stores each message in its user's inbox and gives it to the other replicas that hold the user, in one atomic
   * step a user. Idempotent by key. Answers in the order of `deliveries`.
   */
  append(deliveries: readonly Delivery[]): Promise<readonly Appended[]>;
  /** Gives a message to the other replicas that hold the user and stores nothing. Answers who is online. */
  signal(users: readonly string[], message: Message): Promise<readonly boolean[]>;
  /** Up to `limit` entries after `after`; `seq` of the page is the newest number given out. */
  read(user: string, after: number, limit: number): Promise<InboxPage>;
  /** Where the inbox stands; `undefined` for a user who has none, and gets none by the question. */
  position(user: string): Promise<Position | undefined>;
}

/** One socket as all replicas see it. */
export interface SocketRecord {
  readonly id: string;
  readonly replica: string;
  /** Unix milliseconds. */
  readonly since: number;
  /** Names under which the same browser is recognised again: hashes of its proof, its device. */
  readonly browser: readonly string[];
  readonly address: string;
  readonly userAgent: string;
  readonly transport: string;
}

/** What is kept of a lost socket for its tab. */
export interface Kept {
  /** It has confirmed everything up to here … */
  readonly cursor: string;
  /** … and these, by `keyOf`: shown while the store was away, they are to be stored yet. */
  readonly shown: readonly string[];
}

/** What is kept of one that left. */
export interface Left extends Kept {
  /** The socket as it is to be found, where that is not as it joined. */
  readonly as?: SocketRecord;
}

export interface Joined extends Seen {
  readonly floor: number;
  /** The user has as many sockets as `limit` allows, this one not among them; nothing was changed. */
  readonly refused: boolean;
  /** Something is kept of sockets of the user that left. */
  readonly mayContinue: boolean;
  /** Other sockets of the same browser that count as connected. */
  readonly siblings: readonly SocketRecord[];
}

export interface UserPresence {
  readonly sockets: number;
  /** Unix milliseconds at which the last socket left, `undefined` for one who is here or never was. */
  readonly lastSeen: number | undefined;
}

export interface Presence {
  /**
   * Adds or renews a socket; first-on is decided in the same atomic step. `seen` is where this replica stands with
   * the user: a store that is behind it, or has another message in that place, has lost some, and begins a new epoch with
   * what was accepted after that. `limit` is the most sockets a user may have, 0 for
   * any: a new one is refused over it, one that is renewed never.
   */
  join(user: string, socket: SocketRecord, options: { limit: number; seen?: Seen }): Promise<Joined>;
  /** The record of a socket has changed, e.g. by its upgrade: it replaces the one that is there, if there is one. */
  revise(user: string, socket: SocketRecord): Promise<void>;
  /**
   * Removes a socket. With `lost`, its browser may be expected back and finds that there; `true` is what the store has
   * for it. The user is announced offline 5 s after the last one.
   */
  leave(user: string, socketId: string, lost?: Left | true): Promise<void>;
  /**
   * The socket, served nothing yet, waits for another of its browser that does not answer. Should it go meanwhile, its
   * tab finds what is kept of that one, and nothing is kept of this one.
   */
  waits(user: string, socketId: string): Promise<void>;
  /** Up to where each socket has confirmed: kept for whoever notices that this replica died. */
  confirm(confirmed: readonly { user: string; socketId: string; cursor: string }[]): Promise<void>;
  /**
   * From where a browser that came back must be served. Sockets that were lost together may come back in
   * any order, so the lowest cursor of the group is answered and the highest is consumed: a repeat, never a loss.
   * The answer is what `socketId` has confirmed from then on, so that a crash right after loses nothing either.
   * A socket that has left meanwhile takes nothing; one that asks again, since the answer was lost, is told the same.
   */
  reclaim(user: string, browser: readonly string[], socketId: string): Promise<Kept | undefined>;
  /**
   * What the socket reclaimed may have been kept for another tab of its browser: as long as this socket is there, and
   * no longer than `LENT_FOR`, others find it too.
   */
  lend(user: string, socketId: string): Promise<void>;
  sockets(user: string): Promise<readonly SocketRecord[]>;
  /** What `confirm` was last told of each socket that is here; none of one that has been served nothing yet. */
  confirmed(user: string): Promise<ReadonlyMap<string, string>>;
  lookup(users: readonly string[]): Promise<readonly UserPresence[]>;
  /** From now on this replica is told when the user comes and goes. */
  watch(user: string): Promise<void>;
  unwatch(user: string): Promise<void>;
}

/** How busy a replica is, as it says of itself with each renewal of its lease. */
export interface Load {
  readonly sockets: number;
  readonly users: number;
  readonly unconfirmed: number;
  readonly notifies_per_second: number;
  /** The share of its time that its event loop is at work, 0 to 1. */
  readonly busy: number;
  /** Resident memory, bytes. */
  readonly memory: number;
  readonly version: string;
}

export interface Replica {
  readonly id: string;
  readonly since: number;
  readonly self: boolean;
  /** `null` until its first word of it. */
  readonly load: Load | null;
}

/** Questions to other replicas; the answer is any JSON value. */
export interface Routes {
  replicas(): Promise<readonly Replica[]>;
  /** `undefined` when no answer came within 2.5 s. */
  ask(replica: string, question: unknown): Promise<unknown>;
  /** What happened to the last probe through the normal publish path, and whether the store takes writes. */
  health(): Health;
}

export interface Health {
  readonly up: boolean;
  readonly reason: string;
  /** How long the last probe took, seconds. */
  readonly probeSeconds: number;
}

export interface Members {
  readonly members: readonly string[];
  readonly source: 'backend' | 'notify';
  /** Unix milliseconds. */
  readonly at: number;
}

/** Who is in which conversation, as far as a notify or the backend has said so. Kept at least as long as an inbox. */
export interface Conversations {
  members(conversation: string): Promise<Members | undefined>;
  /** `known` is what `members` just answered: saying the same once more may cost nothing. */
  learn(conversation: string, members: Members, known: Members | undefined): Promise<void>;
  /** The conversations that each user is known to be in. */
  of(users: readonly string[]): Promise<readonly ReadonlySet<string>[]>;
}

/** Which user a browser's `relay_device` cookie stands for. */
export interface Devices {
  user(device: string): Promise<string | undefined>;
  bind(device: string, user: string): Promise<void>;
}

/** One saying of a message by its sender: by the page's emit, or by PHP's notify. */
export interface Said {
  readonly id: string;
  /** A hash of its text. */
  readonly text: string;
  /** Empty where it names none. */
  readonly conversation: string;
  /** The page's own id of it; empty where there is none. */
  readonly client: string;
}

/**
 * Joins a page's own emit of a message and PHP's notify of the same, which come in either order, maybe to different
 * replicas: the first emit and the first notify that `saysTheSame` and are not joined yet are one message.
 */
export interface Pairs {
  /** `first` is false when a notify was there before: the message is out already, under the `id` answered. */
  emit(sender: string, said: Said): Promise<{ id: string; first: boolean }>;
  /** The id of the emit that this notify completes, if there is one. A repeated notify is told the same again. */
  notify(sender: string, said: Said): Promise<string | undefined>;
}

export interface StoreEvents {
  /** A message that another replica appended for a user of ours. Not always in order, and maybe twice. */
  onMessage(user: string, position: Position, message: Message): void;
  /** A signal from another replica. */
  onSignal(user: string, message: Message): void;
  /** A watched user came or went. One who was away for less than 5 s comes without having gone. */
  onPresence(user: string, online: boolean, lastSeen: number | undefined): void;
  /** Another replica has written who is in this conversation. One that was away may not have heard of it. */
  onMembers(conversation: string): void;
  /** Another replica asks. */
  onQuestion(question: unknown): Promise<unknown>;
  /** Contact with the store, or a part of it, is lost. It may come back without the last of what this replica has seen in it. */
  onAway(): void;
  /** The store was away, or held this replica for dead: every socket must join again. */
  onRestored(): void;
  /** What the other replicas are to be told of this one. */
  load(): Load;
}

export interface Store {
  readonly replica: string;
  readonly inbox: Inbox;
  readonly presence: Presence;
  readonly routes: Routes;
  readonly conversations: Conversations;
  readonly devices: Devices;
  readonly pairs: Pairs;
  /** Connects and begins to report. Resolves at once also when the store is away: it is retried for ever. */
  open(events: StoreEvents): Promise<void>;
  close(): Promise<void>;
}

/** Seconds after the last socket left at which a user is announced offline: a reload takes less. */
export const OFFLINE_AFTER = 5;
/** How long an id is known (24 h) and a browser expected back, seconds. */
export const KNOWN_FOR = 86_400;
/** Sockets lost within this many milliseconds of each other are taken for one drop. */
export const LOST_TOGETHER = 60_000;
/**
 * How long a socket is kept that may have gone on purpose, milliseconds. What is taken for a page that went away, and was
 * a network that did, mostly is back within a minute.
 */
export const UNCLEAR_FOR = 3_600_000;
/** How long a cursor that a newly loaded page took stays there for the tab that it may belong to, milliseconds. */
export const LENT_FOR = 60_000;
/** How long an emit and its notify may be apart, milliseconds: a client's offline buffer. */
export const PAIR_WINDOW = 300_000;
