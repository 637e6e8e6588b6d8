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

/**
 * Messages of one page that are under way, the one that is being handled included: PHP may take long for each. More than
 * the 100 that may come at once by default, from a page that was offline.
 */
const MOST_SENDS = 128;

export function createAnswers({ handle, log, onRefused }: AnswersOptions): Answers {
  function refuse({ socket }: Connection, { event, ack }: Held, error: unknown): void {
    if (!(error instanceof RelayError)) log.error({ err: error, socket: socket.id, event }, 'event failed');
    onRefused(socket, errorBody(error), event);
    ack?.({ ok: false, error: errorBody(error) });
  }

  async function answer(connection: Connection, by: Member, one: Held): Promise<void> {
    try {
      const result = await handle(by, one.event, one.args[0]);
      one.ack?.(result);
    } catch (error) {
      refuse(connection, one, error);
    }
  }

  /** Also after its page has gone: whoever wrote it will not write it again. */
  function sendInTurn(connection: Connection, by: Member, one: Held): void {
    if (connection.sends >= MOST_SENDS) {
      const error = new RelayError('rate_limited', `more than ${MOST_SENDS} messages of this page wait to be sent`);
      connection.socket.emit('message_sent', { success: false, error: error.message });
      refuse(connection, one, error);
      return;
    }
    connection.sends += 1;
    const send = () =>
      answer(connection, by, one).finally(() => {
        connection.sends -= 1;
      });
    connection.sending = connection.sending?.then(send) ?? send();
  }

  return {
    run(connection, by, one) {
      if (one.event === 'send_message') sendInTurn(connection, by, one);
      else void answer(connection, by, one);
    },
    refuse,
    refuseRegistration(connection, error, ack) {
      refuse(connection, { event: 'register_user', args: [], ack }, error);
      connection.socket.emit('registered', { ok: false, error: errorBody(error) });
    },
  };
}
