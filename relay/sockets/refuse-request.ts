import type { ServerResponse } from 'node:http';
import type { Refusal } from '../legacy/refuse-upgrade.js';

/** Answers a request that Socket.IO is not to see. */
export function refuseRequest(response: ServerResponse, { status, code, message, retryAfter }: Refusal): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    connection: 'close',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  });
  response.end(JSON.stringify({ error: { code, message } }));
}
