import { expect, test } from 'vitest';
import { createFrameReader, TEXT, textFrame } from '../../bench/load/frames.js';

function serverFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  if (payload.length < 126) return Buffer.concat([Buffer.from([0x81, payload.length]), payload]);
  const head = Buffer.alloc(payload.length < 65_536 ? 4 : 10);
  head[0] = 0x81;
  if (head.length === 4) {
    head[1] = 126;
    head.writeUInt16BE(payload.length, 2);
  } else {
    head[1] = 127;
    head.writeUIntBE(payload.length, 4, 6);
  }
  return Buffer.concat([head, payload]);
}

function reader() {
  const texts: string[] = [];
  const read = createFrameReader((opcode, payload) => {
    expect(opcode).toBe(TEXT);
    texts.push(payload.toString());
  });
  return { read, texts };
}

const SHORT = ['2', '', 'ä'.repeat(62), 'b'.repeat(126), 'end'];
const LONG = ['c'.repeat(65_535), 'd'.repeat(65_536), 'end'];

test.each([
  ['short', SHORT, [1, 3, 125, 1_000]],
  ['long', LONG, [4_095, 65_536, 1_000_000]],
])('%s frames come out whole, whatever pieces they come in', (_, said, pieces) => {
  const wire = Buffer.concat(said.map(serverFrame));
  for (const piece of pieces) {
    const { read, texts } = reader();
    for (let at = 0; at < wire.length; at += piece) read(wire.subarray(at, at + piece));
    expect(texts).toEqual(said);
  }
});

test('what is left of a piece survives its buffer being used again', () => {
  const { read, texts } = reader();
  const wire = serverFrame('kept');
  const shared = Buffer.from(wire.subarray(0, 4));
  read(shared);
  shared.fill(0);
  read(wire.subarray(4));
  expect(texts).toEqual(['kept']);
});

test('a fragment, a compressed frame and a masked one are errors', () => {
  for (const head of [
    [0x01, 0x01],
    [0xc1, 0x01],
    [0x81, 0x81],
  ]) {
    expect(() => reader().read(Buffer.from([...head, 0x41]))).toThrow('an odd frame');
  }
});

test('what a page says is masked and can be unmasked', () => {
  for (const text of ['3', 'x'.repeat(300)]) {
    const frame = textFrame(text);
    const head = text.length < 126 ? 2 : 4;
    const length = head === 2 ? (frame[1] ?? 0) & 0x7f : frame.readUInt16BE(2);
    const mask = frame.subarray(head, head + 4);
    const unmasked = frame.subarray(head + 4).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    expect([frame[0], (frame[1] ?? 0) & 0x80, length]).toEqual([0x81, 0x80, text.length]);
    expect(Buffer.from(unmasked).toString()).toBe(text);
  }
});
