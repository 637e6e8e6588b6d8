const PRINTABLE = /^[^\p{C}\p{Zl}\p{Zp}]{1,128}$/u;

/**
 * A user or conversation id as the contract has it: an integer, or a string of 1 to 128 printable characters.
 * Inside the relay it is always the string; `undefined` for anything else.
 */
export function userIdOf(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined;
  if (typeof value !== 'string') return undefined;
  return PRINTABLE.test(value) ? value : undefined;
}
