import type { Role } from './field-names.js';
import type { FieldKind, Shape } from './shapes.js';

const TEXTUAL: readonly FieldKind[] = ['string'];
const IDS: readonly FieldKind[] = ['number', 'string', 'list of ids', 'list of objects'];
const ID: readonly FieldKind[] = ['number', 'string'];

/** In this order, and a field is taken once: `von` is no recipient, `raum_text` no room. Words of a few languages. */
const GUESSES: readonly { role: Role; kinds: readonly FieldKind[]; pattern: RegExp }[] = [
  { role: 'id', kinds: ID, pattern: /^(msg|message|nachricht|mensaje|messg)_?(id|nr)$/i },
  { role: 'sender', kinds: ID, pattern: /send|from|^von|absend|author|autor|remit|exped|^de$/i },
  {
    role: 'conversation',
    kinds: ID,
    pattern: /conv|chat|room|raum|thread|dialog|channel|kanal|gespr|unterh|sala|group/i,
  },
  {
    role: 'recipient',
    kinds: IDS,
    pattern: /recip|receiv|empf|ziel|target|dest|^(to|an|para|pour|a)(_|$)|user|uid|contact|member|particip/i,
  },
  { role: 'text', kinds: TEXTUAL, pattern: /text|msg|mess|inhalt|nachricht|content|body|mensaje|contenu|comment/i },
];

const EVENTS: readonly { event: string; pattern: RegExp }[] = [
  { event: 'typing', pattern: /typing|schreib|tipp|escrib|ecri[rt]/i },
  { event: 'message_read', pattern: /((?<!th)read|seen|gelesen|leido)$/i },
];
const REGISTERS = /regist|login|join|auth|connect|online|init|setup|identif|anmeld|(add|new|set)[_-]?user|^user$/i;
const ROOM = /room|raum|conv|chat|group|channel|sala/i;
/** As `register_user` takes them. */
const WHO = ['user_id', 'userId', 'id', '_id', 'uid', 'user', 'username'];

/** Which of our events a page probably means by one of its own. */
export function guessPageEvent(
  { event = '', fields, bare }: Shape,
  roles: ReadonlyMap<Role, string>,
): string | undefined {
  const known = EVENTS.find(({ pattern }) => pattern.test(event));
  if (known !== undefined) return known.event;
  const addressed = roles.has('recipient') || roles.has('conversation');
  if (roles.has('text')) return addressed ? 'send_message' : undefined;
  const tellsWho = bare === 'number' || bare === 'string' || WHO.some((field) => Object.hasOwn(fields, field));
  return tellsWho && REGISTERS.test(event) && !ROOM.test(event) ? 'register_user' : undefined;
}

/** Which field probably has which role, by its name and type alone. */
export function guessRoles(fields: Shape['fields']): Map<Role, string> {
  const found = new Map<Role, string>();
  const free = new Set(Object.keys(fields).filter((field) => !field.includes('<')));
  for (const { role, kinds, pattern } of GUESSES) {
    for (const field of free) {
      const kind = fields[field];
      const last = field.split('.').at(-1) ?? field;
      if (kind === undefined || !kinds.includes(kind) || !pattern.test(last)) continue;
      found.set(role, field);
      free.delete(field);
      break;
    }
  }
  return found;
}
