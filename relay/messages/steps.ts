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

/** Steps of one page: arrays that grow without end would be copied as a whole, for up to 29 ms here. */
const PAGE = 4_096;

interface Page {
  readonly ids: string[];
  readonly kinds: Step['kind'][];
  readonly users: string[];
  readonly bys: string[];
  readonly accepted: number[];
  readonly times: number[];
}

/** `limit` is about the most steps kept, the oldest go first, a page at a time. */
export function createSteps(limit: number, now: () => number = Date.now): Steps {
  let page = emptyPage();
  const pages = [page];

  return {
    add(id, kind, user, by, accepted) {
      if (page.ids.length === PAGE) {
        page = emptyPage();
        pages.push(page);
        if (pages.length * PAGE > limit) pages.shift();
      }
      page.ids.push(id);
      page.kinds.push(kind);
      page.users.push(user);
      page.bys.push(by);
      page.accepted.push(accepted);
      page.times.push(now());
    },
    of: (id, since) => pages.flatMap((one) => stepsIn(one, id)).filter(({ at }) => at >= since),
  };
}

function emptyPage(): Page {
  return { ids: [], kinds: [], users: [], bys: [], accepted: [], times: [] };
}

function stepsIn({ ids, kinds, users, bys, accepted, times }: Page, id: string): Step[] {
  const found: Step[] = [];
  for (let index = ids.indexOf(id); index >= 0; index = ids.indexOf(id, index + 1)) {
    const [kind = 'accepted', user = '', by = ''] = [kinds[index], users[index], bys[index]];
    found.push({ kind, user, by, accepted: accepted[index] ?? 0, at: times[index] ?? 0 });
  }
  return found;
}
