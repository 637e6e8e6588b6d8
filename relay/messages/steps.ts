/** Something that happened to a message. Times are Unix milliseconds. */
export interface Step {
  readonly kind: 'requested' | 'accepted' | 'delivered' | 'confirmed';
  /** For whom; of a request nobody. */
  readonly user: string;
  /** Of a delivery: the socket. Of a request: its id. */
  readonly by: string;
  /** When the message was. */
  readonly accepted: number;
  readonly at: number;
}

/**
 * The last steps of all messages. There are several for each message of the site and few are ever looked at: so they are
 * written one behind the other into columns, which costs no object and no look-up, and searched when somebody asks.
 */
export interface Steps {
  add(id: string, kind: Step['kind'], user: string, by: string, accepted: number): void;
  /** In their order, from `since` on. */
  of(id: string, since: number): Step[];
}

export function createSteps(limit: number, now: () => number = Date.now): Steps {
  const ids: string[] = [];
  const kinds: Step['kind'][] = [];
  const users: string[] = [];
  const bys: string[] = [];
  const accepted = new Float64Array(limit);
  const times = new Float64Array(limit);
  let next = 0;

  return {
    add(id, kind, user, by, acceptedAt) {
      ids[next] = id;
      kinds[next] = kind;
      users[next] = user;
      bys[next] = by;
      accepted[next] = acceptedAt;
      times[next] = now();
      next = next + 1 === limit ? 0 : next + 1;
    },
    of(id, since) {
      const found: Step[] = [];
      for (let count = 0; count < ids.length; count++) {
        const index = (next + count) % ids.length;
        const at = times[index] ?? 0;
        if (ids[index] !== id || at < since) continue;
        const [kind = 'accepted', user = '', by = ''] = [kinds[index], users[index], bys[index]];
        found.push({ kind, user, by, accepted: accepted[index] ?? at, at });
      }
      return found;
    },
  };
}
