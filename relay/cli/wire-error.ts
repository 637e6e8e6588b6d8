import type { Answer } from './ask.js';

/** How far a canary came: `session` is the second request of a polling session, `socket` the Socket.IO connect. */
export type Stage = 'open' | 'session' | 'upgrade' | 'probe' | 'socket' | 'register';

/** A connection of the doctor that did not come about. */
export class WireError extends Error {
  readonly stage: Stage;
  /** What was answered instead, where anything was. */
  readonly answer: Answer | undefined;

  constructor(stage: Stage, message: string, answer?: Answer) {
    super(message);
    this.name = 'WireError';
    this.stage = stage;
    this.answer = answer;
  }
}
