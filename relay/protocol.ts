import type { ErrorBody } from './errors.js';

/** The answer to `register_user`, and the event `registered` that follows every registration. */
export type Registered =
  | {
      readonly ok: true;
      readonly user_id: string;
      readonly cursor: string;
      readonly recovered: boolean | null;
      readonly replayed: number;
    }
  | { readonly ok: false; readonly error: ErrorBody };

/** What the relay itself says to a socket. Messages and signals are written as prepared packets instead. */
export interface ServerEvents {
  registered: (answer: Registered) => void;
  token_expired: () => void;
  relay_error: (error: ErrorBody) => void;
  disconnected: (why: { reason: string }) => void;
  message_sent: (refused: { success: false; error: string }) => void;
  /** What the backend answers goes by the name that PHP gave it. */
  [answer: string]: (data: never) => void;
}

/** The last argument of an event whose sender wants an answer. */
export type Ack = (answer: unknown) => void;
