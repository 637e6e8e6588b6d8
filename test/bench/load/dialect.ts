import { type Message, notifyRequest } from './message.js';
import { type OpenPage, openPage } from './page.js';

/** How pages and PHP speak to a server. */
export interface Dialect {
  readonly openPage: OpenPage;
  /** The request that hands a message over, ready for the wire. @throws Error on recipients it has no words for */
  readonly notify: (recipients: readonly number[], message: Message) => Buffer;
  /** The status it is answered with when the message was taken. */
  readonly taken: number;
}

/** The relay's, and that of every peer written here: Socket.IO, and `POST /notify` with a token. */
export const usual: Dialect = { openPage, notify: notifyRequest, taken: 200 };
