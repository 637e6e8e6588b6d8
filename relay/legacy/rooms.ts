import { userIdOf } from '../user-id.js';

/** Whom rooms stand for, where there are no rooms: people, and conversations whose members are meant. */
export interface Addressed {
  readonly users: ReadonlySet<string>;
  readonly conversations: ReadonlySet<string>;
}

/** `17`, `user:17`, `user_17` and `user-17` are a person; `conversation:5`, `conversation_5` those in it. */
export function addressedBy(rooms: readonly string[]): Addressed {
  const users = new Set<string>();
  const conversations = new Set<string>();
  for (const room of rooms) {
    const [, kind, id] = /^(user|conversation)[:_-](.+)$/s.exec(room) ?? [];
    if (kind === 'conversation' && userIdOf(id) !== undefined) conversations.add(String(id));
    else if (kind === 'user' && userIdOf(id) !== undefined) users.add(String(id));
    // a site may have users whose very id looks like that
    users.add(room);
  }
  return { users, conversations };
}
