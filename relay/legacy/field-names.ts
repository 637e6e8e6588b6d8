import {
  CONVERSATION_FIELDS,
  MESSAGE_ID_FIELDS,
  RECIPIENT_FIELDS,
  SENDER_FIELDS,
  TEXT_FIELDS,
} from '../messages/legacy-fields.js';
import { nearest } from '../settings/nearest.js';

const BUILT_IN = {
  recipient: RECIPIENT_FIELDS,
  sender: SENDER_FIELDS,
  conversation: CONVERSATION_FIELDS,
  text: TEXT_FIELDS,
  id: MESSAGE_ID_FIELDS,
  event: ['event', 'action', 'type'],
  data: ['data', 'payload', 'message', 'body'],
} as const satisfies Record<string, readonly string[]>;

/** What a field can mean. `event` and `data` are the two halves of an envelope such as `{event, data}`. */
export type Role = keyof typeof BUILT_IN;
export const ROLES: readonly Role[] = ['recipient', 'sender', 'conversation', 'text', 'id', 'event', 'data'];

/** Event names mapped to this are known and dropped. */
export const IGNORE = 'ignore';

/** Which names to look under for each role (the owner's first), and what an event of theirs is called here. */
export interface FieldNames {
  readonly fields: Readonly<Record<Role, readonly string[]>>;
  readonly events: ReadonlyMap<string, string>;
}

/**
 * RELAY_LEGACY_FIELDS: a comma list of parts. `ROLE=FIELD` says that FIELD of the old PHP's JSON holds what ROLE
 * means; it may be repeated, and `a.b` is `b` inside `a`. `event:NAME=NAME` says that their event is ours:
 * `event:nachricht=send_message` (a message), `event:alarm=alarm` (deliver under its own name), `event:ping=ignore`.
 * Blanks, commas and `=` in names are written percent-encoded.
 *
 * @throws Error naming each bad part and what it would take
 */
export function parseFieldNames(text: string): FieldNames {
  const fields: Record<Role, string[]> = perRole(() => []);
  const events = new Map<string, string>();
  const problems: string[] = [];
  for (const part of text.split(',').map((item) => item.trim())) {
    if (part === '') continue;
    const problem = readPart(part, fields, events);
    if (problem !== undefined) problems.push(`"${part}": ${problem}`);
  }
  if (problems.length > 0) throw new Error(problems.join('; '));
  return { fields: perRole((role) => [...new Set([...fields[role], ...BUILT_IN[role]])]), events };
}

/** A name as `parseFieldNames` reads it back. */
export function encodeName(name: string): string {
  return name.replace(/[%,=\s]/gu, (character) => encodeURIComponent(character));
}

function readPart(part: string, fields: Record<Role, string[]>, events: Map<string, string>): string | undefined {
  const [left = '', right = '', ...rest] = part.split('=').map((side) => side.trim());
  if (left === '' || right === '' || rest.length > 0) return 'must be role=field or event:name=name';
  const name = decodeName(right);
  if (name === undefined) return `"${right}" is not percent-encoded as it should be`;
  if (left.startsWith('event:')) {
    const theirs = decodeName(left.slice('event:'.length));
    if (theirs === undefined || theirs === '') return 'after "event:" stands the name of their event';
    if (events.has(theirs)) return `their event "${theirs}" is already mapped to "${events.get(theirs)}"`;
    events.set(theirs, name);
    return undefined;
  }
  const role = ROLES.find((known) => known === left);
  if (role === undefined) {
    return `"${left}" is no role: ${ROLES.join(', ')}, or event:name; did you mean "${nearest(left, ROLES)}"?`;
  }
  fields[role].push(name);
  return undefined;
}

function decodeName(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function perRole<T>(make: (role: Role) => T): Record<Role, T> {
  return {
    recipient: make('recipient'),
    sender: make('sender'),
    conversation: make('conversation'),
    text: make('text'),
    id: make('id'),
    event: make('event'),
    data: make('data'),
  };
}
