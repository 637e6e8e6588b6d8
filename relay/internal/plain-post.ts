/** One whole `POST` as PHP's HTTP clients write it. */
export interface PlainPost {
  readonly authorization: string | undefined;
  readonly requestId: string | undefined;
  /** Empty for none. */
  readonly body: Buffer;
  /** The caller wants the connection to end behind the answer. */
  readonly last: boolean;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
/** Field lines of RFC 9112 section 5 in ASCII, none of them folded. */
const FIELD_LINES = /^(?:[!#$%&'*+.^_`|~\w-]+:[\t\x20-\x7e]*\r\n)+$/;

/**
 * Reads bytes that are one request to this path, from its first byte to its last, with nothing in it that needs thought.
 * `undefined` for all others, the malformed as well: Node's own parser is to say what they are.
 */
export function createPostReader(path: string): (bytes: Buffer) => PlainPost | undefined {
  const start = `POST ${path} HTTP/1.1\r\n`;
  return (bytes) => {
    const end = bytes.indexOf(END_OF_HEAD);
    if (end < 0) return undefined;
    const head = bytes.toString('latin1', 0, end + 2);
    if (!head.startsWith(start)) return undefined;
    const fields = fieldsIn(head.slice(start.length));
    if (fields === undefined || !fields.host) return undefined;
    const body = bytes.subarray(end + END_OF_HEAD.length);
    if (Number(fields.length) !== body.length) return undefined;
    const { authorization, requestId, connection = '' } = fields;
    return { authorization, requestId, body, last: connection.toLowerCase() === 'close' };
  };
}

interface Fields {
  host?: string;
  authorization?: string;
  requestId?: string;
  connection?: string;
  length?: string;
}

const KEPT: Readonly<Record<string, keyof Fields | undefined>> = {
  host: 'host',
  authorization: 'authorization',
  'x-request-id': 'requestId',
  connection: 'connection',
  'content-length': 'length',
};
/** What changes how a request is framed or answered. */
const OTHER = new Set(['transfer-encoding', 'expect', 'upgrade', 'trailer', 'proxy-connection', 'keep-alive']);

function fieldsIn(lines: string): Fields | undefined {
  if (!FIELD_LINES.test(lines)) return undefined;
  const fields: Fields = {};
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(':', at);
    const end = lines.indexOf('\r', colon);
    const name = lines.slice(at, colon).toLowerCase();
    const kept = Object.hasOwn(KEPT, name) ? KEPT[name] : undefined;
    if (kept !== undefined) {
      if (fields[kept] !== undefined) return undefined;
      fields[kept] = lines.slice(colon + 1, end).trim();
    } else if (OTHER.has(name)) return undefined;
    at = end + 2;
  }
  const { length = '', connection } = fields;
  if (connection !== undefined && !/^(?:close|keep-alive)$/i.test(connection)) return undefined;
  return /^\d{1,9}$/.test(length) ? fields : undefined;
}
