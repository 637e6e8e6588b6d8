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
/** Bytes; PHP's are a tenth of it, and longer ones are left to Node's parser. */
const LONGEST_HEAD = 16_384;
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
    if (end < 0 || end > LONGEST_HEAD) return undefined;
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
  host: string | undefined;
  authorization: string | undefined;
  requestId: string | undefined;
  connection: string | undefined;
  length: string | undefined;
}

function fieldsIn(lines: string): Fields | undefined {
  if (!FIELD_LINES.test(lines)) return undefined;
  const fields = {
    host: undefined,
    authorization: undefined,
    requestId: undefined,
    connection: undefined,
    length: undefined,
  };
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(':', at);
    const end = lines.indexOf('\r', colon);
    if (!take(fields, lines.slice(at, colon).toLowerCase(), lines, colon + 1, end)) return undefined;
    at = end + 2;
  }
  const { length = '', connection } = fields as Fields;
  if (connection !== undefined && !/^(?:close|keep-alive)$/i.test(connection)) return undefined;
  return /^\d{1,9}$/.test(length) ? fields : undefined;
}

/** @returns false for a field that is there twice, or that changes how a request is framed or answered */
function take(fields: Fields, name: string, lines: string, from: number, end: number): boolean {
  switch (name) {
    case 'host':
      if (fields.host !== undefined) return false;
      fields.host = lines.slice(from, end).trim();
      return true;
    case 'authorization':
      if (fields.authorization !== undefined) return false;
      fields.authorization = lines.slice(from, end).trim();
      return true;
    case 'x-request-id':
      if (fields.requestId !== undefined) return false;
      fields.requestId = lines.slice(from, end).trim();
      return true;
    case 'connection':
      if (fields.connection !== undefined) return false;
      fields.connection = lines.slice(from, end).trim();
      return true;
    case 'content-length':
      if (fields.length !== undefined) return false;
      fields.length = lines.slice(from, end).trim();
      return true;
    case 'transfer-encoding':
    case 'expect':
    case 'upgrade':
    case 'trailer':
    case 'proxy-connection':
    case 'keep-alive':
      return false;
    default:
      return true;
  }
}
