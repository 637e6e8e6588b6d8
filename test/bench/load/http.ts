const END_OF_HEAD = '\r\n\r\n';
const EMPTY = Buffer.alloc(0);

export interface Head {
  readonly status: number;
  readonly text: string;
  /** Where the body begins. */
  readonly end: number;
}

/** The head of an HTTP/1.1 response, or `undefined` while it is not all there. */
export function readHead(buffer: Buffer): Head | undefined {
  const at = buffer.indexOf(END_OF_HEAD);
  if (at < 0) return undefined;
  const text = buffer.toString('latin1', 0, at);
  if (!text.startsWith('HTTP/1.1 ')) throw new Error(`no HTTP response: ${text.slice(0, 80)}`);
  return { status: Number(text.slice(9, 12)), text, end: at + END_OF_HEAD.length };
}

/** Takes a keep-alive connection's bytes as they come and hands on whole responses. @throws Error without a length */
export function createResponseReader(onResponse: (status: number, body: string) => void): (bytes: Buffer) => void {
  let rest = EMPTY;
  return (bytes) => {
    let buffer = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    for (let head = readHead(buffer); head !== undefined; head = readHead(buffer)) {
      const end = head.end + contentLength(head.text);
      if (buffer.length < end) break;
      onResponse(head.status, buffer.toString('utf8', head.end, end));
      buffer = buffer.subarray(end);
    }
    rest = buffer.length === 0 ? EMPTY : Buffer.from(buffer);
  };
}

export function postRequest(path: string, headers: readonly string[], body: string): Buffer {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return Buffer.from([`POST ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, length, '', body].join('\r\n'));
}

function contentLength(head: string): number {
  const given = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (given === undefined) throw new Error(`a response without Content-Length: ${head}`);
  return Number(given);
}
