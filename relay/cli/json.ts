import { isPayload, type Payload } from '../messages/legacy-fields.js';

/** The JSON object that a text is, `undefined` for any other. */
export function objectOf(text: string): Payload | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isPayload(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** `error` of an answer of the relay, or of PHP's backend endpoint. */
export function errorOf(text: string): { readonly code: string; readonly message: string; readonly at: string } {
  const { error } = objectOf(text) ?? {};
  const { code, message, server_time: at } = isPayload(error) ? error : {};
  return { code: string(code), message: string(message), at: string(at) };
}

/** What a text that is no JSON seems to be, for a person: the title of a page, or how it begins. */
export function describe(text: string): string {
  const title = /<title[^>]*>([^<]{1,80})/i.exec(text)?.[1]?.trim();
  if (title) return `a page titled "${title}"`;
  const start = text
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 80);
  return start === '' ? 'nothing' : `"${start}"`;
}

function string(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
