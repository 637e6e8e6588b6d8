import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Lets a page of another origin read the answer: one that the gate lets pass. Engine.IO would do the same as a
 * middleware, and then lead upgrades too, where there is nothing to read, through it and its promises.
 */
export function letRead({ headers }: IncomingMessage, response: ServerResponse): void {
  if (headers.origin === undefined) return;
  response.setHeader('Access-Control-Allow-Origin', headers.origin);
  response.setHeader('Access-Control-Allow-Credentials', 'true');
  response.setHeader('Vary', 'Origin');
}

/** What a browser asks before a request that is more than a form could send. */
export function answerPreflight({ headers }: IncomingMessage, response: ServerResponse): void {
  const asked = headers['access-control-request-headers'];
  response.writeHead(204, {
    'Access-Control-Allow-Methods': 'GET,POST',
    ...(asked === undefined ? {} : { 'Access-Control-Allow-Headers': asked }),
    'Content-Length': '0',
  });
  response.end();
}
