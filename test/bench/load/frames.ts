/** WebSocket frames (RFC 6455) as a browser's side reads and writes them. */
export const TEXT = 1;
export const CLOSE = 8;

const EMPTY = Buffer.alloc(0);
const FINAL = 0x80;
const MASKED = 0x80;
// Any value does: it is the server's work to unmask, and that does not depend on it.
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

/**
 * Takes a server's bytes as they come, in pieces of any size, and hands on whole frames. A payload is valid during
 * the call only: it may lie in a buffer that all sockets share.
 * @throws Error on what no server here sends: a fragment, a masked frame, an extension's bit
 */
export function createFrameReader(onFrame: (opcode: number, payload: Buffer) => void): (bytes: Buffer) => void {
  let rest = EMPTY;
  return (bytes) => {
    const buffer = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let at = 0;
    while (buffer.length - at >= 2) {
      const first = buffer.readUInt8(at);
      const short = buffer.readUInt8(at + 1);
      if ((first & 0xf0) !== FINAL || (short & MASKED) !== 0) throw new Error(`an odd frame: ${first}, ${short}`);
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (buffer.length - at < head) break;
      const length = head === 2 ? short : head === 4 ? buffer.readUInt16BE(at + 2) : buffer.readUIntBE(at + 4, 6);
      const end = at + head + length;
      if (end > buffer.length) break;
      onFrame(first & 0x0f, buffer.subarray(at + head, end));
      at = end;
    }
    rest = at === buffer.length ? EMPTY : Buffer.from(buffer.subarray(at));
  };
}

/** One masked text frame. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  for (let index = 0; index < payload.length; index++) {
    payload.writeUInt8(payload.readUInt8(index) ^ MASK.readUInt8(index % 4), index);
  }
  return Buffer.concat([frameHead(payload.length), MASK, payload]);
}

function frameHead(length: number): Buffer {
  if (length < 126) return Buffer.from([FINAL | TEXT, MASKED | length]);
  if (length > 0xffff) throw new Error('a page here says nothing as long as that');
  const head = Buffer.from([FINAL | TEXT, MASKED | 126, 0, 0]);
  head.writeUInt16BE(length, 2);
  return head;
}
