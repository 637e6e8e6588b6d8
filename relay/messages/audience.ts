import { RelayError } from '../errors.js';
import type { Conversations } from './conversations.js';
import { conversationOf, type Payload, recipientsOf } from './legacy-fields.js';

/**
 * Whom a page's event is for: the other members of the conversation it names, or the people it names, who must share
 * a known conversation with the sender: no event reaches a stranger.
 * @throws RelayError `not_a_member`, `unknown_conversation`, and what looking up members throws
 */
export async function audienceOf(
  conversations: Conversations,
  user: string,
  payload: Payload,
): Promise<readonly string[]> {
  const conversation = conversationOf(payload);
  if (conversation !== undefined) {
    const members = await conversations.members(conversation);
    if (!members.includes(user)) throw new RelayError('not_a_member', `not a member of conversation ${conversation}`);
    return members.filter((member) => member !== user);
  }
  const named = recipientsOf(payload).filter((recipient) => recipient !== user);
  if (named.length === 0) throw new RelayError('unknown_conversation', 'names neither a conversation nor a recipient');
  const sharing = await conversations.sharing(user, named);
  const stranger = named.find((recipient) => !sharing.has(recipient));
  if (stranger !== undefined) throw new RelayError('not_a_member', `no conversation is shared with ${stranger}`);
  return named;
}
