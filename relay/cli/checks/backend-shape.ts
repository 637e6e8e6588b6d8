import type { Payload } from '../../messages/legacy-fields.js';
import { type Finding, fail } from '../finding.js';
import { describe, objectOf } from '../json.js';

/** What is wrong with the text that PHP answered. `lacks` names the shape that an object should have had. */
export function misshapen(
  check: string,
  text: string,
  lacks: (answer: Payload) => string | undefined,
): Finding | undefined {
  const answer = objectOf(text);
  if (answer !== undefined) {
    const shape = lacks(answer);
    return shape === undefined
      ? undefined
      : fail(check, `PHP answered ${text.slice(0, 80)}, which must be like ${shape}`);
  }
  const what = complaintIn(text);
  if (what !== undefined) {
    const mend = ['display_errors = Off   ; php.ini; and log_errors = On', `# then mend it: ${what}`];
    return fail(check, `PHP prints a complaint into the answer, so it is no JSON: ${what}`, ...mend);
  }
  const html = /^\s*<(!doctype|html|\?xml|head|body|div|p\b)/i.test(text) ? 'HTML' : 'something else';
  const why = `PHP answered ${html} instead of JSON: ${describe(text)}`;
  return fail(check, why, 'RELAY_BACKEND_URL=http://127.0.0.1/relay-backend.php   # the script that answers with JSON');
}

/** The first that PHP itself complains about in what it prints, as text. */
export function complaintIn(text: string): string | undefined {
  const complaint = /(?:Notice|Warning|Deprecated|Fatal error|Parse error)(?:<\/b>)?: .{1,160}/.exec(text)?.[0];
  return complaint
    ?.replace(/<[^>]*>/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
