import type { Page, WebSocket } from 'playwright-core';

/** What a page and the relay say to each other, read from the network: nothing in the page is touched for it. */
export interface Wire {
  /** The arguments of each `event` that the page emitted, in order; over polling and WebSocket alike. */
  sent(event: string): unknown[][];
  /** The arguments of each `event` that came to the page. */
  received(event: string): unknown[][];
  /** How many connections began with polling, and how many were then upgraded. */
  readonly polled: number;
  readonly upgraded: number;
  /** Whether the newest WebSocket is open and the upgrade to it complete. */
  readonly live: boolean;
}

interface Emitted {
  event: string;
  args: unknown[];
}

/** To be called before the page is opened. */
export function tap(page: Page): Wire {
  const sent: Emitted[] = [];
  const received: Emitted[] = [];
  const counts = { polled: 0, upgraded: 0 };
  let newest: WebSocket | undefined;
  let live = false;

  page.on('request', (request) => {
    if (!isPolling(request.url())) return;
    if (!new URL(request.url()).searchParams.has('sid')) counts.polled++;
    take(request.postData() ?? '', sent);
  });
  page.on('response', async (response) => {
    if (!isPolling(response.url()) || response.request().method() !== 'GET') return;
    // The body of a poll that the page ended is gone, and nothing of it reached the page either.
    const body = await response.text().catch(() => '');
    take(body, received);
  });
  page.on('websocket', (socket) => {
    newest = socket;
    live = false;
    socket.on('framesent', ({ payload }) => {
      if (payload === '5') {
        counts.upgraded++;
        live = socket === newest;
      }
      take(String(payload), sent);
    });
    socket.on('framereceived', ({ payload }) => take(String(payload), received));
    socket.on('close', () => {
      if (socket === newest) live = false;
    });
  });
  return {
    sent: (event) => argumentsOf(sent, event),
    received: (event) => argumentsOf(received, event),
    get polled() {
      return counts.polled;
    },
    get upgraded() {
      return counts.upgraded;
    },
    get live() {
      return live;
    },
  };
}

const isPolling = (url: string): boolean => url.includes('/socket.io/?') && url.includes('transport=polling');

const argumentsOf = (all: readonly Emitted[], event: string): unknown[][] =>
  all.filter((one) => one.event === event).map((one) => one.args);

/** An Engine.IO payload: packets between record separators, of which `42`, perhaps an ack's number, and JSON are events. */
function take(payload: string, into: Emitted[]): void {
  for (const packet of payload.split('\x1e')) {
    const json = /^42\d*(\[.*\])$/s.exec(packet)?.[1];
    if (json === undefined) continue;
    const [event, ...args] = JSON.parse(json) as [string, ...unknown[]];
    into.push({ event, args });
  }
}
