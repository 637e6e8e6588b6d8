import type { Socket } from 'node:net';
import { RelayError } from '../errors.js';
import type { Refuse } from './errors.js';
import { createAnswerWriter } from './plain-answer.js';
import type { RequestIds } from './request-id.js';

/** How long the sender may still send what nobody reads, ms: closing over it would reset the answer away. */
const GOODBYE = 1_000;

/** Answers what Node's parser gave up on: bytes that are no HTTP, a head that is too large, one that does not end. */
export type AnswerUnreadable = (error: Error & { readonly code?: string }, socket: Socket) => void;

export function createAnswerUnreadable(refuse: Refuse, requestIdOf: RequestIds): AnswerUnreadable {
  const write = createAnswerWriter();
  return (error, socket) => {
    // more of the same comes here once more
    if (socket.writableEnded) return;
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const { status, thrown } = meaningOf(error.code);
    const requestId = requestIdOf(undefined);
    const refusal = refuse(thrown, {}, requestId);
    const { text, encoding } = write({ requestId, ...refusal, status: status ?? refusal.status }, 0);
    socket.end(text, encoding);
    const timer = setTimeout(() => socket.destroy(), GOODBYE);
    socket.once('close', () => clearTimeout(timer));
  };
}

/** `status`: of those that HTTP has one for, and the contract no code. */
function meaningOf(code: string | undefined): { status?: number; thrown: RelayError } {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, thrown: new RelayError('payload_too_large', 'the head of the request is too large') };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, thrown: new RelayError('invalid_body', 'the request did not arrive in time') };
    default:
      return { thrown: new RelayError('invalid_body', 'this is no HTTP request') };
  }
}
