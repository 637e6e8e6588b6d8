import { encodeName, parseFieldNames } from './field-names.js';
import { guessRoles } from './guess.js';
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
  const parts = new Set<string>();
  const lines = seen.flatMap((one) => {
    const { mapping, notes } = suggest(one);
    for (const part of mapping) parts.add(part);
    return [
      `# ${one.count} times, last ${one.last}: ${describeShape(one.shape)}`,
      ...notes.map((note) => `#   ${note}`),
    ];
  });
  const paste = parts.size > 0 ? [`RELAY_LEGACY_FIELDS=${[...parts].join(',')}`] : [];
  return `${[...lines, ...paste].join('\n')}\n`;
}

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
    case 'unknown_page_event':
      return { mapping: [], notes: ['a page emitted it; RELAY_BACKEND_EVENTS hands it to PHP'] };
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
      const named = [...guessed].filter(([role, field]) => !builtIn[role].includes(field));
      const mapping = named.map(([role, field]) => `${role}=${encodeName(field)}`);
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
