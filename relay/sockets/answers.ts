import type { Logger } from 'pino';
import { type ErrorBody, errorBody, RelayError } from '../errors.js';
import type { Ack } from '../protocol.js';
import type { Connection, Held } from './connection.js';
import type { Member } from './membership.js';
import type { PageSocket } from './page-sockets.js';

/** Does what an event asks and answers what its ack is told. */
export type Handler = (member: Member, event: string, payload: unknown) => Promise<unknown>;

/** What a page is told of what it asked for. */
export interface Answers {
  /** Has an event handled, and its ack told; messages one after the other. */
  run(connection: Connection, by: Member, one: Held): void;
  refuse(connection: Connection, one: Held, error: unknown): void;
  refuseRegistration(connection: Connection, error: unknown, ack: Ack | undefined): void;
}

export interface AnswersOptions {
  readonly handle: Handler;
  readonly log: Logger;
  readonly onRefused: (socket: PageSocket, error: ErrorBody, event: string) => void;
}

export function createAnswers({ handle, log, onRefused }: AnswersOptions): Answers {
  function refuse({ socket }: Connection, { event, ack }: Held, error: unknown): void {
    if (!(error instanceof RelayError)) log.error({ err: error, socket: socket.id, event }, 'event failed');
    onRefused(socket, errorBody(error), event);
    ack?.({ ok: false, error: errorBody(error) });
  }

  return {
    run(connection, by, one) {
      const work = async () => {
        try {
          const result = await handle(by, one.event, one.args[0]);
          one.ack?.(result);
        } catch (error) {
          refuse(connection, one, error);
        }
      };
      if (one.event === 'send_message') connection.sending = connection.sending?.then(work) ?? work();
      else void work();
    },
    refuse,
    refuseRegistration(connection, error, ack) {
      refuse(connection, { event: 'register_user', args: [], ack }, error);
      connection.socket.emit('registered', { ok: false, error: errorBody(error) });
    },
  };
}
