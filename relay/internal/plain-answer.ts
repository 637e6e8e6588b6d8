import { STATUS_CODES } from 'node:http';

export interface PlainAnswer {
  readonly status: number;
  readonly requestId: string;
  /** Seconds. */
  readonly retryAfter: number | undefined;
  readonly body: object;
}

export interface Response {
  readonly text: string;
  /** What is ASCII throughout is written as `latin1`, which is a copy. */
  readonly encoding: 'latin1' | 'utf8';
}

/** @returns makes whole responses. `keepAlive`: how long the connection stays without a request, seconds; 0 ends it */
export function createAnswerWriter(now: () => number = Date.now) {
  const sent = { second: 0, date: '' };

  function date(): string {
    const second = Math.floor(now() / 1000);
    if (second !== sent.second) Object.assign(sent, { second, date: new Date(second * 1000).toUTCString() });
    return sent.date;
  }

  return ({ status, requestId, retryAfter, body }: PlainAnswer, keepAlive: number): Response => {
    const json = JSON.stringify(body);
    const length = Buffer.byteLength(json);
    const retry = retryAfter === undefined ? '' : `Retry-After: ${retryAfter}\r\n`;
    const stays = keepAlive > 0 ? `keep-alive\r\nKeep-Alive: timeout=${keepAlive}` : 'close';
    const text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/json; charset=utf-8\r
Content-Length: ${length}\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ${requestId}\r
${retry}Date: ${date()}\r\nConnection: ${stays}\r\n\r\n${json}`;
    return { text, encoding: length === json.length ? 'latin1' : 'utf8' };
  };
}
