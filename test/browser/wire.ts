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
  /** All of it, a line each, for the one who reads why a test failed. */
  story(): string;
}

interface Emitted {
  event: string;
  args: unknown[];
}

/** To be called before the page is opened. */
export function tap(page: Page): Wire {
  const sent: Emitted[] = [];
  const received: Emitted[] = [];
  const lines: string[] = [];
  const counts = { polled: 0, upgraded: 0 };
  let newest: WebSocket | undefined;
  let live = false;

  const note = (payload: string, into: Emitted[], sign: '>' | '<'): void => {
    const at = new Date().toISOString().slice(17, 23);
    for (const packet of payload.split('\x1e')) if (packet !== '') lines.push(`${at} ${sign} ${packet.slice(0, 250)}`);
    take(payload, into);
  };
  page.on('request', (request) => {
    if (!isPolling(request.url())) return;
    if (!new URL(request.url()).searchParams.has('sid')) counts.polled++;
    note(request.postData() ?? '', sent, '>');
  });
  page.on('response', async (response) => {
    if (!isPolling(response.url()) || response.request().method() !== 'GET') return;
    // The body of a poll that the page ended is gone, and nothing of it reached the page either.
    const body = await response.text().catch(() => '');
    note(body, received, '<');
  });
  page.on('websocket', (socket) => {
    newest = socket;
    live = false;
    lines.push('- a WebSocket');
    socket.on('framesent', ({ payload }) => {
      if (payload === '5') {
        counts.upgraded++;
        live = socket === newest;
      }
      note(String(payload), sent, '>');
    });
    socket.on('framereceived', ({ payload }) => note(String(payload), received, '<'));
    socket.on('close', () => {
      lines.push('- closed');
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
    story: () => lines.join('\n'),
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
