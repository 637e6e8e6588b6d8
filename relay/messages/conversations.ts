import type { Backend } from '../backend.js';
import { RelayError } from '../errors.js';
import { createExpiringMap } from '../store/expiring-map.js';
import type { Members, Conversations as Store } from '../store/store.js';

/** Who is in a conversation: the backend says it; without one, the last notify that named it. */
export interface Conversations {
  /**
   * `requestId`: on whose behalf the backend may be asked.
   * @throws RelayError `unknown_conversation`, `backend_unavailable` or `store_unavailable`
   */
  members(conversation: string, requestId?: string): Promise<readonly string[]>;
  /** Takes note of the recipients and the sender of a notify; `undefined` when it has of late. */
  learn(conversation: string, members: readonly string[]): Promise<void> | undefined;
  /** Another replica has written who is in it: what a notify said here need not be the last word any more. */
  changed(conversation: string): void;
  /** The store was away: what others wrote meanwhile was not heard, and what was written here may be lost. */
  restore(): void;
  /** Which of `others` share a known conversation with `user`. */
  sharing(user: string, others: readonly string[]): Promise<ReadonlySet<string>>;
}

/** How long the backend's answer is believed, milliseconds (CONTRACT section 7). */
const BELIEVED_FOR = 60_000;
/**
 * A notify that names the same people within this time changes nothing and is not looked up, milliseconds: that would be
 * a command for each notify. A replica that writes others tells all, which costs something only where it happens; for
 * the moment for which that is under way, what another replica wrote counts as the last word.
 */
const LEARNED_FOR = 5_000;
const LEARNED_LIMIT = 50_000;
/** The backend is away, or does not answer for members at all: what was known last is the next best. */
const SILENT: ReadonlySet<string> = new Set(['backend_unavailable', 'backend_refused']);

export function createConversations(store: Store, backend: Backend | undefined): Conversations {
  const asking = new Map<string, Promise<readonly string[]>>();
  /** Of those that are being asked for: a notify named others meanwhile, and that is written then. */
  const overtaken = new Map<string, Promise<void>>();
  let learned = createExpiringMap<string>(LEARNED_FOR, LEARNED_LIMIT);
  /** What is looked up of these is not out of date: nothing was heard of them meanwhile. */
  const lookedUp = new Set<string>();

  /** Where nobody is known to be in it, the conversation is unknown: a message to it would be lost in silence. */
  async function find(conversation: string): Promise<Members | undefined> {
    const known = await store.members(conversation);
    return known?.members.length === 0 ? undefined : known;
  }

  async function ask(
    conversation: string,
    from: Backend,
    known: Members | undefined,
    requestId: string | undefined,
  ): Promise<readonly string[]> {
    overtaken.delete(conversation);
    let members: readonly string[] | undefined;
    try {
      members = await from.members(conversation, requestId);
    } catch (error) {
      const later = (await meanwhile(conversation)) ?? known;
      if (later !== undefined && error instanceof RelayError && SILENT.has(error.code)) return later.members;
      throw error;
    }
    return believe(conversation, members, known);
  }

  /** What a notify said while the backend was being asked. */
  async function meanwhile(conversation: string): Promise<Members | undefined> {
    const written = overtaken.get(conversation);
    overtaken.delete(conversation);
    await written;
    return written && find(conversation);
  }

  /** What the backend said counts, unless a notify has named others meanwhile, or it knows nothing of members. */
  async function believe(
    conversation: string,
    members: readonly string[] | undefined,
    known: Members | undefined,
  ): Promise<readonly string[]> {
    const later = await meanwhile(conversation);
    if (later?.members.some((user) => !members?.includes(user))) return later.members;
    if (members === undefined && known?.source === 'notify') return known.members;
    // an empty list takes back what was known, so that those who were in it share it no longer
    if (members !== undefined && (members.length > 0 || known !== undefined))
      await store.learn(conversation, { members, source: 'backend', at: Date.now() }, known);
    learned.delete(conversation);
    if (members === undefined || members.length === 0)
      throw new RelayError('unknown_conversation', 'the backend does not know the conversation');
    return members;
  }

  async function learnNow(conversation: string, named: readonly string[], print: string): Promise<void> {
    const members = [...new Set(named)].sort();
    lookedUp.add(conversation);
    const known = await store.members(conversation);
    const inside = known?.source === 'backend' && members.every((user) => known.members.includes(user));
    if (!inside) {
      const written = store.learn(conversation, { members, source: 'notify', at: Date.now() }, known);
      // whoever waits for it need not know that it failed: who named them is told
      if (asking.has(conversation))
        overtaken.set(
          conversation,
          written.catch(() => undefined),
        );
      await written;
    }
    // else another replica wrote it meanwhile, or another notify here: whoever was the later one is not known
    if (lookedUp.delete(conversation)) learned.set(conversation, print);
    else learned.delete(conversation);
  }

  return {
    async members(conversation, requestId) {
      const known = await find(conversation);
      if (backend === undefined) {
        if (known !== undefined) return known.members;
        throw new RelayError(
          'unknown_conversation',
          `no notify has named the members of conversation ${conversation} yet`,
        );
      }
      if (known?.source === 'backend' && Date.now() - known.at < BELIEVED_FOR) return known.members;
      const running = asking.get(conversation) ?? ask(conversation, backend, known, requestId);
      asking.set(conversation, running);
      return running.finally(() => asking.delete(conversation));
    },
    learn(conversation, members) {
      const print = members.join('\0');
      return learned.get(conversation) === print ? undefined : learnNow(conversation, members, print);
    },
    changed(conversation) {
      if (asking.has(conversation)) overtaken.set(conversation, Promise.resolve());
      lookedUp.delete(conversation);
      learned.delete(conversation);
    },
    restore() {
      lookedUp.clear();
      learned = createExpiringMap(LEARNED_FOR, LEARNED_LIMIT);
    },
    async sharing(user, others) {
      const [own = new Set<string>(), ...theirs] = await store.of([user, ...others]);
      const shared = others.filter((_, index) => [...own].some((conversation) => theirs[index]?.has(conversation)));
      return new Set(shared);
    },
  };
}
