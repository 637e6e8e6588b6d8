import { RelayError } from '../errors.js';
import { isPayload, unwrapJson } from '../messages/legacy-fields.js';
import { userIdOf } from '../user-id.js';

/** What `register_user` said: at least one of `user` and `token`. */
export interface Who {
  readonly user: string | undefined;
  readonly token: string | undefined;
  readonly cursor: string | undefined;
  readonly meta: boolean;
}

const ID_FIELDS = ['user_id', 'userId', 'id', '_id', 'uid', 'user', 'username'] as const;

/** Reads `register_user`'s argument. @throws RelayError `invalid_payload` */
export function readWho(value: unknown): Who {
  const bare = userIdOf(value);
  const inner = unwrapJson(value);
  if (!isPayload(inner)) {
    if (bare === undefined)
      throw new RelayError('invalid_payload', 'register_user takes an id, or an object that holds one');
    return claimOf(bare);
  }
  const ids = ID_FIELDS.filter((field) => Object.hasOwn(inner, field)).map((field) => userIdOf(inner[field]));
  const user = ids.find((id) => id !== undefined);
  const token = textField(inner.token, 'token');
  if (user === undefined && token === undefined) {
    throw new RelayError('invalid_payload', `register_user must hold an id under one of: ${ID_FIELDS.join(', ')}`);
  }
  const cursor = textField(inner.cursor, 'cursor');
  return { user, token, cursor, meta: inner.meta === true || cursor !== undefined };
}

function textField(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value.length <= 8_192) return value;
  throw new RelayError('invalid_payload', `${name} must be a string`);
}

/** What a page says that names only who it is. */
export function claimOf(user: string): Who {
  return { user, token: undefined, cursor: undefined, meta: false };
}
