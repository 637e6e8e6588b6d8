import { randomBytes } from 'node:crypto';

/** PHP's own id of its request goes through to logs, traces and the backend; what is no sane id is replaced. */
export type RequestIds = (given: unknown) => string;

/** Ids made here: by the process and numbered. A UUID each, which V8 keeps in 21 pieces, was a third of what a notify kept. */
export function createRequestIds(): RequestIds {
  const process = randomBytes(6).toString('hex');
  let count = 0;
  return (given) => {
    if (typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given)) return given;
    count += 1;
    return `${process}-${count.toString(36)}`;
  };
}
