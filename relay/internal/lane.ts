import type { Socket } from 'node:net';
import { createCork, createTogether } from '../together.js';
import type { Tokens } from '../tokens.js';
import { readSigned } from './auth.js';
import type { Refuse } from './errors.js';
import { createAnswerWriter, type PlainAnswer } from './plain-answer.js';
import { createPostReader, type PlainPost } from './plain-post.js';
import type { RequestIds } from './request-id.js';

export interface LaneOptions {
  readonly path: string;
  readonly tokens: Tokens;
  readonly refuse: Refuse;
  readonly requestIdOf: RequestIds;
  /** Does what is asked; what it resolves to is answered as JSON. */
  readonly handle: (body: unknown, requestId: string) => Promise<object>;
  /** An answer is on its way; `milliseconds` since the request came. */
  readonly onAnswered: (status: number, milliseconds: number) => void;
}

/** For how long a connection may say nothing, ms: a new one, and one that has been answered. */
export interface Patience {
  readonly first: number;
  readonly keepAlive: number;
}

/**
 * One signed `POST` straight on the connection, for the one route that is called for every message of the site: PHP
 * writes it in one piece, so that nothing of node:http is needed to read it and to answer it.
 */
export interface Lane {
  /** Takes a new connection. One that brings anything else goes to `other`, with what it brought. */
  take(socket: Socket, other: (socket: Socket) => void): void;
  /** From now on whoever asks is refused, and the connection ends behind that. */
  refuse(why: () => Error): void;
  /** Ends all connections; whoever has asked is answered first. */
  close(): void;
  /** Ends those too whose answer is still to come, or is not taken. */
  destroy(): void;
}

/** How often it is looked which connections say nothing, ms. */
const CHECK_EVERY = 1_000;
/** As Node's own server tells one that is too slow. */
const TOO_LATE = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';

export function createLane(options: LaneOptions, patience: Patience): Lane {
  const { path, tokens, refuse, requestIdOf, handle, onAnswered } = options;
  const read = createPostReader(path);
  const write = createAnswerWriter();
  const start = createTogether<() => void>(setImmediate, (all) => {
    for (const one of all) one();
  });
  const cork = createCork();
  /** When each is closed unless something comes. */
  const deadlines = new Map<Socket, number>();
  /** Those that have not said anything yet. */
  const fresh = new Set<Socket>();
  let closing = false;
  let refusal: (() => Error) | undefined;
  const timer = setInterval(closeSilent, CHECK_EVERY).unref();

  function closeSilent(): void {
    const now = performance.now();
    for (const [socket, deadline] of deadlines) {
      if (deadline > now) continue;
      if (fresh.delete(socket)) socket.end(TOO_LATE);
      else socket.destroy();
    }
  }

  function isEnding(): boolean {
    return closing || refusal !== undefined;
  }

  async function serve({ authorization, requestId: given, body }: PlainPost): Promise<PlainAnswer> {
    const began = performance.now();
    const requestId = requestIdOf(given);
    let answer: PlainAnswer;
    try {
      if (refusal !== undefined) throw refusal();
      const asked = readSigned(authorization, body.length === 0 ? undefined : body, tokens);
      answer = { status: 200, requestId, retryAfter: undefined, body: await handle(asked, requestId) };
    } catch (error) {
      const thrown = error instanceof Error ? error : new Error(String(error));
      answer = { requestId, ...refuse(thrown, { method: 'POST', url: path }, requestId) };
    }
    onAnswered(answer.status, performance.now() - began);
    return answer;
  }

  return {
    take(socket, other) {
      if (closing) {
        socket.destroy();
        return;
      }
      let serving = false;
      let ended = false;
      let next: Buffer | undefined;

      function receive(bytes: Buffer): void {
        // behind a last answer nothing is done any more (RFC 9112 section 9.6)
        if (socket.writableEnded) return;
        fresh.delete(socket);
        if (serving) {
          socket.pause();
          next = next === undefined ? bytes : Buffer.concat([next, bytes]);
          return;
        }
        const post = read(bytes);
        if (post === undefined) {
          give(bytes);
          return;
        }
        serving = true;
        deadlines.set(socket, Number.POSITIVE_INFINITY);
        start(() => void serve(post).then((answer) => finish(answer, post.last || ended || isEnding())));
      }

      function finish(answer: PlainAnswer, last: boolean): void {
        if (socket.destroyed) return;
        deadlines.set(socket, performance.now() + patience.keepAlive);
        cork(socket);
        const { text, encoding } = write(answer, last ? 0 : patience.keepAlive / 1_000);
        const taken = socket.write(text, encoding);
        // as Node does it: whoever keeps its side open would hold up the end of the relay
        if (last) socket.destroySoon();
        else if (taken) proceed();
        // who does not read its answers would have them pile up here
        else socket.once('drain', proceed);
      }

      function proceed(): void {
        serving = false;
        if (next === undefined) {
          if (ended) socket.end();
          return;
        }
        const bytes = next;
        next = undefined;
        socket.resume();
        receive(bytes);
      }

      function give(bytes: Buffer): void {
        forget();
        socket.pause();
        other(socket);
        socket.unshift(bytes);
        socket.resume();
      }

      /** The caller says no more: whoever has asked is answered first. */
      function end(): void {
        ended = true;
        if (!serving) socket.end();
      }

      function forget(): void {
        deadlines.delete(socket);
        fresh.delete(socket);
        socket.off('data', receive).off('end', end).off('error', fail).off('close', forget);
      }

      // what follows is a close; without a listener it would be the end of the process
      function fail(): void {
        socket.destroy();
      }

      fresh.add(socket);
      deadlines.set(socket, performance.now() + patience.first);
      socket.on('data', receive).on('end', end).on('error', fail).on('close', forget);
    },
    refuse(why) {
      refusal = why;
    },
    close() {
      closing = true;
      clearInterval(timer);
      for (const [socket, deadline] of deadlines) if (deadline !== Number.POSITIVE_INFINITY) socket.destroySoon();
    },
    destroy() {
      for (const socket of deadlines.keys()) socket.destroy();
    },
  };
}
