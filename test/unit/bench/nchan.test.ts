import { expect, test } from 'vitest';
import { messageOf } from '../../bench/load/message.js';
import { nchan } from '../../bench/load/nchan.js';

test("a message is published into its user's channel as the packet that pages read from every server", () => {
  const message = messageOf(70, 4);
  const [head = '', body = ''] = nchan.notify([4], message).toString().split('\r\n\r\n');
  expect(head.split('\r\n')).toEqual([
    'POST /publish/4 HTTP/1.1',
    'Host: 127.0.0.1',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]);
  expect(body.slice(0, 2)).toBe('42');
  expect(JSON.parse(body.slice(2))).toEqual(['receive_message', message]);
});

test('several recipients of one message are more than it can be told', () => {
  expect(() => nchan.notify([4, 5], messageOf(70, 4))).toThrow('once a user');
});
