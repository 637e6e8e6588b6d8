import { RelayError } from '../errors.js';
import { userIdOf } from '../user-id.js';

/** A user id of a request. @throws RelayError `invalid_body` that names `path` */
export function readUser(value: unknown, path: string): string {
  const user = userIdOf(value);
  if (user === undefined) throw invalid(path, 'must be an integer or a string of 1 to 128 printable characters');
  return user;
}

export function invalid(path: string, message: string): RelayError {
  return new RelayError('invalid_body', `${path} ${message}`, { details: [{ path, message }] });
}
