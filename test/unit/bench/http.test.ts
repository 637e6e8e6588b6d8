import { expect, test } from 'vitest';
import { createResponseReader } from '../../bench/load/http.js';

test('responses come out whole, whatever pieces they come in', () => {
  const one = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 13\r\n\r\n{"name":"ä"}';
  const other = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';
  const wire = Buffer.from(one + other + one);
  for (const piece of [1, 7, wire.length]) {
    const responses: [number, string][] = [];
    const read = createResponseReader((status, body) => responses.push([status, body]));
    for (let at = 0; at < wire.length; at += piece) read(wire.subarray(at, at + piece));
    expect(responses).toEqual([
      [200, '{"name":"ä"}'],
      [503, ''],
      [200, '{"name":"ä"}'],
    ]);
  }
});

test('a response of unknown length is an error, not a wait for ever', () => {
  const read = createResponseReader(() => undefined);
  expect(() => read(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'))).toThrow('Content-Length');
});
