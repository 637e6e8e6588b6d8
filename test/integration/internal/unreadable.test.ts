import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { internalApi } from '../../support/internal.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { onTeardown } from '../../support/teardown.js';
import { tempDir } from '../../support/temp.js';
import { internalToken } from '../../support/tokens.js';
import { within } from '../../support/until.js';

let relay: Relay;
let unixPath: string;
beforeAll(async () => {
  unixPath = join(await tempDir(), 'relay.sock');
  relay = await startRelay({ RELAY_INTERNAL_SOCKET: unixPath });
});

test.each(['/presence/%zz', '/presence/%', '/messages/%e9/trace', `/presence/${'a'.repeat(1_500)}`, '/%c3%28'])(
  'a path that cannot be read is told as any other bad request: %s',
  async (path) => {
    const { status, body, headers } = await internalApi(relay).get(path);
    expect([status, body]).toEqual([400, { error: { code: 'invalid_body', message: expect.stringMatching(/\w/) } }]);
    expect(headers.get('x-request-id')).toMatch(/\w/);
  },
);

const PORT = () => connect(Number(new URL(relay.internalUrl).port), '127.0.0.1');
const UNIX = () => connect(unixPath);

describe.each<[string, () => Socket]>([
  ['port', PORT],
  ['Unix socket', UNIX],
])('on the %s', (_, open) => {
  /** Status and error of the one answer, which ends the connection. */
  async function answerTo(bytes: string): Promise<unknown[]> {
    const socket = open();
    onTeardown(() => socket.destroy());
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    socket.write(bytes);
    await within('an end', new Promise((resolve) => socket.once('end', resolve)), 5_000);
    const [head = '', body = ''] = received.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`, 'i'));
    expect(head).toMatch(/\r\nX-Request-Id: \S+\r\n/i);
    return [Number(head.split(' ')[1]), JSON.parse(body)];
  }

  test.each(['HELO relay\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00', 'GET / HTTP/1.1\r\nHost relay\r\n\r\n'])(
    'bytes that are no HTTP are answered with an error of the API: %j',
    async (bytes) => {
      expect(await answerTo(bytes)).toEqual([
        400,
        { error: { code: 'invalid_body', message: expect.stringMatching(/HTTP/) } },
      ]);
    },
  );

  test('a head of 200 KB is read, whatever it asks for', async () => {
    const long = `X-Long: ${'a'.repeat(200_000)}\r\nConnection: close\r\n\r\n`;
    expect(await answerTo(`GET /nothing HTTP/1.1\r\nHost: relay\r\n${long}`)).toMatchObject([404, {}]);
    const body = JSON.stringify({ recipients: [17], message: { id: 1 } });
    const fields = `Authorization: Bearer ${internalToken(body)}\r\nContent-Length: ${body.length}\r\n`;
    const notify = `POST /notify HTTP/1.1\r\nHost: relay\r\n${fields}${long}${body}`;
    expect(await answerTo(notify)).toMatchObject([200, { id: '1' }]);
  });

  test('a head without end is answered with an error of the API', async () => {
    const bytes = `GET / HTTP/1.1\r\nHost: relay\r\nX-Long: ${'a'.repeat(3_000_000)}\r\n\r\n`;
    expect(await answerTo(bytes)).toEqual([
      431,
      { error: { code: 'payload_too_large', message: expect.stringMatching(/head/) } },
    ]);
  });
});
