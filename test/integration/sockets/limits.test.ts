import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs, open } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { frame, openRawWebSocket } from '../../support/tcp.js';
import { clientToken } from '../../support/tokens.js';
import { within } from '../../support/until.js';

const LIMIT = 2_048;

describe.each(DEPLOYMENTS)('limits of one socket (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment, { RELAY_EVENT_RATE: 4, RELAY_MAX_PAYLOAD: LIMIT });
  });

  test('end one that sends more events than the rate allows, told why', async () => {
    const page = await connectAs(site.far, clientToken(newUser()));
    const ended = page.disconnected();
    for (let count = 0; count < 60; count += 1) page.emit('typing', { conversation_id: 5 });
    expect(await page.next('relay_error')).toEqual([{ code: 'rate_limited', message: expect.any(String) }]);
    expect(await ended).not.toBe('io server disconnect');
  });

  test('let a burst of five times the rate pass', async () => {
    const page = await connectAs(site.far, clientToken(newUser()));
    const asked = Array.from({ length: 20 }, () => page.ask('watch_presence', []));
    expect(await Promise.all(asked)).toEqual(Array(20).fill({}));
    expect(page.all('relay_error')).toEqual([]);
  });

  test.each(['polling', 'websocket'])('end one that sends too large an event, told why (%s)', async (transport) => {
    const token = clientToken(newUser());
    const page = await connectAs(site.far, token, { transports: [transport] });
    const ended = page.disconnected();
    page.emit('send_message', { conversation_id: 5, content: 'x'.repeat(LIMIT) });
    expect(await page.next('relay_error')).toEqual([{ code: 'payload_too_large', message: expect.any(String) }]);
    await ended;
  });

  test.each(['polling', 'websocket'])('tell one why that sends a photo in place of a text (%s)', async (transport) => {
    const page = await connectAs(site.far, clientToken(newUser()), { transports: [transport] });
    const ended = page.disconnected();
    page.emit('send_message', { content: 'x'.repeat(1_000_000) });
    expect(await page.next('relay_error')).toEqual([{ code: 'payload_too_large', message: expect.any(String) }]);
    await ended;
  });

  test('end one that sends far too large an event', async () => {
    const page = open(site.far, { transports: ['websocket'], auth: { token: clientToken(newUser()) } });
    await page.next('registered');
    const ended = page.disconnected();
    page.emit('send_message', { content: 'x'.repeat(1_100_000) });
    await ended;
    expect(page.all('relay_error')).toEqual([]);
  });

  test('end one that asks for a socket with more than an event may have', async () => {
    const page = await openRawWebSocket(site.far.url, '/socket.io/?EIO=4&transport=websocket');
    page.write(frame(`40{"token":"${'x'.repeat(LIMIT)}"}`));
    await within('the close', page.closed, 4_000);
    const refused = (line: Record<string, unknown>) =>
      line.code === 'payload_too_large' && line.address === '127.0.0.1';
    await site.far.log('why', refused);
  });

  test('refuse a notify message over the limit with 413, and let one just under it through', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user));
    const message = (bytes: number) => {
      const id = newId();
      return { id, content: 'ä'.repeat((bytes - JSON.stringify({ id, content: '' }).length) / 2) };
    };
    const { status, body } = await site.api.notify({ recipients: [user], message: message(LIMIT + 4) });
    expect([status, body]).toMatchObject([413, { error: { code: 'payload_too_large' } }]);
    const fits = message(LIMIT - 4);
    expect(await site.api.notify({ recipients: [user], message: fits })).toMatchObject({ status: 200 });
    expect(await page.next('receive_message')).toEqual([fits]);
    const batch = { notifications: [{ recipients: [user], message: message(LIMIT + 4) }] };
    expect(await site.api.post('/notify/batch', batch)).toMatchObject({
      status: 200,
      body: { results: [{ error: { code: 'payload_too_large' } }] },
    });
  });

  test('take 10,000 recipients beside a message that fits', async () => {
    const recipients = Array.from({ length: 10_000 }, (_, index) => `reader-${'x'.repeat(20)}-${index}`);
    const { status, body } = await site.api.notify({ recipients, durable: false, event: 'tick', message: {} });
    expect(status).toBe(200);
    expect((body as { offline: string[] }).offline).toHaveLength(10_000);
    const over = await site.api.notify({ recipients: [...recipients, 'more'], durable: false, message: {} });
    expect(over).toMatchObject({ status: 400, body: { error: { code: 'invalid_body' } } });
  });

  test('refuse a notify body or a batch far beyond any limit with 413', async () => {
    const huge = { recipients: [1], message: { id: 1, content: 'x'.repeat(9 * 1024 * 1024) } };
    expect(await site.api.notify(huge)).toMatchObject({ status: 413, body: { error: { code: 'payload_too_large' } } });
    expect(await site.api.post('/notify/batch', { notifications: [huge] })).toMatchObject({ status: 413 });
  });
});
