import { encodeName, parseFieldNames, ROLES, type Role } from './field-names.js';
import { guessPageEvent, guessRoles } from './guess.js';
import type { Unmapped } from './mapping.js';
import type { Shape } from './shapes.js';
import { describeShape } from './shapes.js';

/** `own_name`: it was delivered, under a name that we do not know. `unknown_page_event`: a browser emitted it. */
export type Finding = Unmapped | 'own_name' | 'unknown_page_event';

export interface SeenShape {
  readonly finding: Finding;
  readonly shape: Shape;
  readonly count: number;
  /** ISO 8601. */
  readonly first: string;
  readonly last: string;
}

export interface ShapeCollector {
  note(finding: Finding, shape: Shape): void;
  /** Most frequent first. JSON as it is. */
  list(): SeenShape[];
}

/** Remembers the first `limit` different shapes, in memory, since the start; later new ones are not remembered. */
export function createShapeCollector(limit = 200, now: () => number = Date.now): ShapeCollector {
  const seen = new Map<string, SeenShape>();
  return {
    note(finding, shape) {
      const key = `${finding} ${describeShape(shape)}`;
      const known = seen.get(key);
      const last = new Date(now()).toISOString();
      if (known !== undefined) seen.set(key, { ...known, count: known.count + 1, last });
      else if (seen.size < limit) seen.set(key, { finding, shape, count: 1, first: last, last });
    },
    list: () => [...seen.values()].sort((a, b) => b.count - a.count),
  };
}

/**
 * What was seen as comments, and one line to paste into `.env` where names can be guessed. Guesses are by name and
 * type alone, so the owner is asked to read them; where nothing fits, the candidates are named.
 */
export function printMapping(seen: readonly SeenShape[]): string {
  if (seen.length === 0) return '# Nothing unknown was seen since the relay started.\n';
  // two shapes of one event may suggest two meanings: a second one would be refused at the start
  const parts = new Map<string, string>();
  const lines = seen.flatMap((one) => {
    const { mapping, notes } = suggest(one);
    for (const part of mapping) {
      const subject = part.startsWith('event:') ? part.slice(0, part.indexOf('=')) : part;
      if (!parts.has(subject)) parts.set(subject, part);
    }
    return [
      `# ${one.count} times, last ${one.last}: ${describeShape(one.shape)}`,
      ...notes.map((note) => `#   ${note}`),
    ];
  });
  const paste = parts.size > 0 ? [`RELAY_LEGACY_FIELDS=${[...parts.values()].join(',')}`] : [];
  return `${[...lines, ...paste].join('\n')}\n`;
}

/** What is read in a page's event; who sent it the relay knows. */
const PAGE_ROLES: readonly Role[] = ['recipient', 'conversation', 'text'];
const builtIn = parseFieldNames('').fields;

interface Suggestion {
  readonly mapping: string[];
  readonly notes: string[];
}

function suggest({ finding, shape }: SeenShape): Suggestion {
  const event = shape.event === undefined ? undefined : encodeName(shape.event);
  const guessed = guessRoles(shape.fields);
  const asMessage = event !== undefined && guessed.has('text') ? [`event:${event}=send_message`] : [];
  switch (finding) {
    case 'unknown_page_event': {
      const meant = guessPageEvent(shape, guessed);
      if (event === undefined || meant === undefined) {
        return { mapping: [], notes: ['a page emitted it; RELAY_BACKEND_EVENTS hands it to PHP'] };
      }
      const fields = meant === 'register_user' ? [] : ownFields(guessed, PAGE_ROLES);
      return {
        mapping: [...fields, `event:${event}=${meant}`],
        notes: ['a page emitted it; guessed by name: please check'],
      };
    }
    case 'own_name':
      return {
        mapping: [],
        notes: [`delivered under its own name; if it is a chat message, add event:${event}=send_message`],
      };
    case 'reserved_event':
    case 'bad_event_name':
      return {
        mapping: [],
        notes: [`deliver it under another name by adding event:${event}=NAME, or event:${event}=ignore`],
      };
    case 'too_deep':
      return { mapping: [], notes: ['nested too deeply to be a message'] };
    default: {
      const mapping = ownFields(guessed, ROLES);
      const reached = guessed.has('recipient') || guessed.has('conversation');
      const fields = Object.keys(shape.fields).join(', ');
      if (reached)
        return { mapping: [...mapping, ...asMessage], notes: ['guessed by name: please check the line below'] };
      return {
        mapping: [],
        notes: [`which field holds the people? add recipient=FIELD, one of: ${fields || 'none came'}`],
      };
    }
  }
}

function ownFields(guessed: ReadonlyMap<Role, string>, roles: readonly Role[]): string[] {
  const named = [...guessed].filter(([role, field]) => roles.includes(role) && !builtIn[role].includes(field));
  return named.map(([role, field]) => `${role}=${encodeName(field)}`);
}
