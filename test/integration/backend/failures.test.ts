import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Client, connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newUser } from '../../support/deployment.js';
import { type FakeBackend, startFakeBackend } from '../../support/fake-backend.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const refused = (code: string) => ({ ok: false, error: { code, message: expect.any(String) } });

describe.each(DEPLOYMENTS)('a backend that fails (%s)', (deployment) => {
  let backend: FakeBackend;
  let page: Client;
  let calls = 0;
  const ask = () => page.ask('get_messages', { conversation_id: 5 });
  beforeAll(async () => {
    backend = await startFakeBackend();
    const { far } = await deploy(deployment, { RELAY_BACKEND_URL: backend.url, RELAY_EVENT_RATE: 1_000 });
    page = await connectAs(far, clientToken(newUser()));
  });
  beforeEach(async () => {
    backend.answer = () => ({ ack: 'well' });
    await until('the failures of the last test to be forgotten', async () => (await ask()) === 'well', 15_000);
    calls = backend.calls.length;
  });
  const callsSince = () => backend.calls.length - calls;

  test('is given 2 s, then the page is told', async () => {
    backend.answer = () => undefined;
    const started = performance.now();
    expect(await ask()).toEqual(refused('backend_unavailable'));
    const took = performance.now() - started;
    expect(took).toBeGreaterThan(1_900);
    expect(took).toBeLessThan(4_000);
  });

  test('that answers HTML, or nothing that the contract knows, never reaches the page as such', async () => {
    backend.answer = (_, response) => {
      response.setHeader('content-type', 'text/html').end('<b>Warning</b>: a password in line 3');
    };
    const answer = await ask();
    expect(answer).toMatchObject({ ok: false, error: { code: expect.stringMatching(/^backend_/) } });
    expect(JSON.stringify(answer)).not.toContain('password');
    for (const odd of ['"text"', '[]', 'null', '{"emit":"x"}', '{"emit":[5,{"event":7},{}]}', '{"ack":']) {
      backend.answer = (_, response) => void response.end(odd);
      await ask();
    }
    backend.answer = (_, response) => void response.writeHead(302, { location: backend.url }).end();
    expect(await ask()).toMatchObject({ ok: false });
  });

  test('with a 4xx has refused, and is asked again each time', async () => {
    backend.answer = (_, response) => void response.writeHead(403).end('{"error":"no"}');
    for (let count = 0; count < 8; count += 1) expect(await ask()).toEqual(refused('backend_refused'));
    expect(callsSince()).toBe(8);
  });

  test('5 times in a row is left alone for a while, and asked again after it', async () => {
    backend.answer = (_, response) => void response.writeHead(500).end();
    for (let count = 0; count < 8; count += 1) expect(await ask()).toEqual(refused('backend_unavailable'));
    expect(callsSince()).toBe(5);
    backend.answer = () => ({ ack: 'well again' });
    await until('the breaker to close', async () => (await ask()) === 'well again', 15_000);
  }, 40_000);

  test('5 times, but not in a row, is asked each time', async () => {
    for (let count = 0; count < 10; count += 1) {
      backend.answer = (_, response) => (count % 4 === 3 ? {} : void response.writeHead(500).end());
      await ask();
    }
    expect(callsSince()).toBe(10);
  });

  test('that refuses connections, and comes back, is noticed', async () => {
    await backend.down();
    expect(await ask()).toEqual(refused('backend_unavailable'));
    await backend.up();
    backend.answer = () => ({ ack: 'up' });
    expect(await ask()).toBe('up');
  });

  test('slowly is given at most 64 calls at a time, and all are answered', async () => {
    const held: (() => void)[] = [];
    backend.answer = async () => {
      await new Promise<void>((resolve) => held.push(resolve));
      return { ack: 'late' };
    };
    const answers = Promise.all(Array.from({ length: 100 }, ask));
    await until('64 calls', () => held.length === 64);
    for (const release of held.splice(0)) release();
    await until('the rest', () => held.length === 36);
    for (const release of held.splice(0)) release();
    expect(await answers).toEqual(Array(100).fill('late'));
    expect(backend.mostAtOnce).toBe(64);
    expect(page.socket.connected).toBe(true);
  });
});
