import { deferred } from './deferred.js';
import { type OpenPage, openPage, type Page } from './page.js';

/** Pages of users `0` to `users - 1`, a page's number telling its user: `number % users`. */
export interface Crowd {
  readonly users: number;
  readonly pages: number;
  /** Called for every event that comes to any page. */
  listen(listener: (page: number, name: string, payload: unknown) => void): void;
  /** Rejects when a page loses its connection. */
  readonly lost: Promise<never>;
  leave(): void;
}

export interface CrowdOptions {
  /** Page `n` connects to the `n % ports.length`-th. */
  readonly ports: readonly number[];
  readonly users: number;
  readonly pagesEach?: number;
  /** How a page comes; WebSocket from the start unless told. */
  readonly open?: OpenPage;
}

/** How many connect at the same time: more than that waits in the kernel's accept queue. */
const AT_ONCE = 64;

export async function gather({ ports, users, pagesEach = 1, open = openPage }: CrowdOptions): Promise<Crowd> {
  const total = users * pagesEach;
  const pages: Page[] = [];
  const lost = deferred<never>();
  let listener: Parameters<Crowd['listen']>[0] = (page, name) => {
    throw new Error(`page ${page} was sent ${name}, and nobody had sent anything`);
  };
  let next = 0;

  async function connectSome(): Promise<void> {
    while (next < total) {
      const page = next++;
      pages.push(
        await open({
          port: ports[page % ports.length] ?? 0,
          user: String(page % users),
          onEvent: (name, payload) => listener(page, name, payload),
          onLost: lost.reject,
        }),
      );
    }
  }

  const crowd: Crowd = {
    users,
    pages: total,
    listen(next) {
      listener = next;
    },
    lost: lost.promise,
    leave() {
      for (const page of pages) page.close();
    },
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, connectSome));
  } catch (error) {
    crowd.leave();
    throw error;
  }
  return crowd;
}
