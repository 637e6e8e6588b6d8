import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from '../servers.js';
import { deferred } from './deferred.js';
import type { OpenPage, Page, PageOptions } from './page.js';
import { whileMoving } from './progress.js';
import { Refused } from './refused.js';

/** Pages of users `0` to `users - 1`, a page's number telling its user: `number % users`. */
export interface Crowd {
  readonly users: number;
  readonly pages: number;
  /** Called for every event that comes to any page. */
  listen(listener: (page: number, name: string, payload: unknown) => void): void;
  /** Rejects when a page loses its connection. */
  readonly lost: Promise<never>;
  /** How often the server was too busy for a page, which came again later. */
  readonly refusals: number;
  leave(): void;
}

export interface CrowdOptions {
  /** Page `n` connects to the `n % replicas`-th of its replicas. */
  readonly server: Running;
  readonly users: number;
  readonly pagesEach?: number;
  /** What the names of its users begin with, where they are to be others than those of another crowd. */
  readonly prefix?: string;
  /** How a page comes; as this server's usually do unless told. */
  readonly open?: OpenPage;
}

/** How many connect at the same time: more than that waits in the kernel's accept queue. */
const AT_ONCE = 64;
/** As Socket.IO's client: its first reconnection delay, ms, and half of it more or less. */
const RETRY_AFTER = 1_000;

export async function gather({ server, users, pagesEach = 1, prefix = '', open }: CrowdOptions): Promise<Crowd> {
  const ports = server.pagePorts;
  const openPage = open ?? server.dialect.openPage;
  const total = users * pagesEach;
  const pages: Page[] = [];
  const lost = deferred<never>();
  let listener: Parameters<Crowd['listen']>[0] = (page, name) => {
    throw new Error(`page ${page} was sent ${name}, and nobody had sent anything`);
  };
  let refusals = 0;
  let next = 0;

  async function connectSome(): Promise<void> {
    while (next < total) {
      const page = next++;
      pages.push(await comeIn(page));
    }
  }

  async function comeIn(page: number): Promise<Page> {
    const port = ports[page % ports.length] ?? 0;
    const onEvent: PageOptions['onEvent'] = (name, payload) => listener(page, name, payload);
    for (;;) {
      try {
        return await openPage({ port, user: `${prefix}${page % users}`, onEvent, onLost: lost.reject });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        refusals += 1;
        await sleep(RETRY_AFTER * (0.5 + Math.random()));
      }
    }
  }

  const crowd: Crowd = {
    users,
    pages: total,
    listen(next) {
      listener = next;
    },
    lost: lost.promise,
    get refusals() {
      return refusals;
    },
    leave() {
      for (const page of pages) page.close();
    },
  };
  try {
    const all = Promise.all(Array.from({ length: AT_ONCE }, connectSome));
    await whileMoving(all, () => total - pages.length, 'registrations');
  } catch (error) {
    crowd.leave();
    throw error;
  }
  return crowd;
}
