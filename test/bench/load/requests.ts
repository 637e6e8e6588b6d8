import { type Deferred, deferred } from './deferred.js';
import { createResponseReader } from './http.js';
import { openLine } from './line.js';
import { Refused } from './refused.js';

/** A keep-alive connection of a browser, one request at a time. */
export interface Requests {
  /** Resolves with the body. Rejects unless it is answered 200, with Refused on a 503. */
  ask(method: 'GET' | 'POST', path: string, body?: string): Promise<string>;
  close(): void;
}

export async function openRequests(port: number): Promise<Requests> {
  let waiting: Deferred<string> | undefined;
  const read = createResponseReader((status, body) => {
    if (status === 200) waiting?.resolve(body);
    else waiting?.reject(status === 503 ? new Refused(body) : new Error(`answered ${status}: ${body}`));
  });
  const socket = await openLine(port, {
    onBytes: read,
    onEnd: (error) => waiting?.reject(error ?? new Error('the server ended the connection')),
  });
  return {
    ask(method, path, body = '') {
      waiting = deferred();
      const head = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`];
      const length = [`Content-Type: text/plain;charset=UTF-8`, `Content-Length: ${Buffer.byteLength(body)}`];
      socket.write([...head, ...(method === 'POST' ? length : []), '', body].join('\r\n'));
      return waiting.promise;
    },
    close: () => void socket.destroy(),
  };
}
