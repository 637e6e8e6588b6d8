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
