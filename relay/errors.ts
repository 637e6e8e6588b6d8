/** Every code a browser, PHP or an operator can meet, with the HTTP status it has on the internal API. */
export const STATUS = {
  // browser events (CONTRACT section 4)
  proof_missing: 401,
  identity_mismatch: 403,
  origin_refused: 403,
  too_many_connections: 503,
  invalid_payload: 400,
  not_a_member: 403,
  register_timeout: 408,
  backend_unavailable: 502,
  backend_refused: 502,
  // both sides
  token_invalid: 401,
  token_expired: 401,
  rate_limited: 429,
  payload_too_large: 413,
  unknown_conversation: 400,
  draining: 503,
  internal: 500,
  // internal API (section 6)
  invalid_body: 400,
  invalid_json: 400,
  token_missing: 401,
  body_mismatch: 401,
  not_found: 404,
  store_unavailable: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

/** One bad field of a request: `path` as in `/recipients/0`, `message` what it should be. */
export interface ErrorDetail {
  readonly path: string;
  readonly message: string;
}

export interface RelayErrorOptions {
  readonly details?: readonly ErrorDetail[];
  /** Seconds after which a retry makes sense. */
  readonly retryAfter?: number;
  /** Further fields of the error object, e.g. `server_time` or `scope`. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An error with a code of the contract. `message` is shown to the caller when the status is below 500. */
export class RelayError extends Error {
  readonly code: ErrorCode;
  readonly details: readonly ErrorDetail[] | undefined;
  readonly retryAfter: number | undefined;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: RelayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RelayError';
    this.code = code;
    this.details = options.details;
    this.retryAfter = options.retryAfter;
    this.extra = options.extra ?? {};
  }

  get status(): number {
    return STATUS[this.code];
  }
}

export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly [extra: string]: unknown;
}

/** What the caller is told. Anything that is no RelayError is masked: its text may hold what is not the caller's. */
export function errorBody(error: unknown): ErrorBody {
  if (!(error instanceof RelayError)) return { code: 'internal', message: 'internal error' };
  return {
    code: error.code,
    message: error.message,
    ...error.extra,
    ...(error.details === undefined ? {} : { details: error.details }),
  };
}
