import { describe, expect, test } from 'vitest';
import { leaksIn } from '../support/logs.js';
import { clientToken, internalToken, SECRET } from '../support/tokens.js';

describe('the search of all logs of a test run', () => {
  test.each([
    ['a secret', { err: { message: `bad key ${SECRET}` } }],
    ['a token', { msg: `refused: ${clientToken(1)}` }],
    ['a token', { url: `/presence?token=${internalToken(undefined)}` }],
    ['a cookie', { headers: { cookie: 'a=b; PHPSESSID=0123' } }],
    ['a cookie', { cookie: 'relay_device=abcdefgh.ijklmnop' }],
    ['a header with a credential', { authorization: 'Bearer 0123456789abcdef0123' }],
    ['the content of a message', { message: { id: 1, content: 'hi' } }],
    ['the content of a message', { body: '{"content":"hi"}' }],
    ['the content of a message', { err: { body: JSON.stringify({ a: '{"content":"hi"}' }) } }],
  ])('finds %s: %j', (what, line) => {
    const found = leaksIn([JSON.stringify({ level: 30, msg: 'fine' }), JSON.stringify(line)]);
    expect(found.map((leak) => leak.split(' in a log line')[0])).toContain(what);
  });

  test('lets pass what the relay does say', () => {
    const lines = [
      { code: 'token_invalid', msg: 'refused: invalid signature' },
      { socket: 'eyJh', user: '17', msg: 'registered' },
      { shape: 'event "nachricht" {content: string, to: number}', msg: 'cannot be mapped' },
      { msg: 'send Authorization: Bearer with a relay:internal token' },
    ];
    expect(leaksIn(lines.map((line) => JSON.stringify(line)))).toEqual([]);
  });
});
