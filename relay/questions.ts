import { isPayload } from './messages/legacy-fields.js';
import { userIdOf } from './user-id.js';

/** What replicas ask each other; all arguments come from a relay of the same or a neighbouring version. */
export interface Questions {
  /** Whether a socket here is alive. */
  answers(user: string, socket: string): Promise<boolean>;
  /** A socket here did not answer in time and is no longer in the store. */
  takenForDead(user: string, socket: string): void;
  disconnect(user: string, reason: string): number;
  trace(id: string): unknown;
  stats(): unknown;
}

export function createQuestions(questions: Questions): (question: unknown) => Promise<unknown> {
  return async (question) => {
    if (!isPayload(question)) return undefined;
    const user = userIdOf(question.user) ?? '';
    switch (question.kind) {
      case 'answers':
        return questions.answers(user, String(question.socket));
      case 'taken_for_dead':
        return questions.takenForDead(user, String(question.socket));
      case 'disconnect':
        return questions.disconnect(user, String(question.reason));
      case 'trace':
        return questions.trace(String(question.id));
      case 'stats':
        return questions.stats();
      default:
        return undefined;
    }
  };
}
