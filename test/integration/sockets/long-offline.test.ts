import { expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { startFakeBackend } from '../../support/fake-backend.js';
import { internalApi } from '../../support/internal.js';
import { freePort } from '../../support/ports.js';
import { startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

/** What a page that asks every 30 s has buffered after three hours without the relay. */
const BUFFERED = 360;

test.each([['polling', 'websocket'], ['websocket']])(
  'a page that was long without the relay says at once all that it had kept, and stays (%s first)',
  async (...transports) => {
    const backend = await startFakeBackend(() => ({ emit: [{ event: 'unreadCount', data: { unreadCount: 0 } }] }));
    const port = await freePort();
    const start = () => startRelay({ RELAY_PORT: port, RELAY_BACKEND_URL: backend.url });
    const first = await start();
    const page = await connectAs(first, clientToken(17), { transports });
    await first.stop();
    for (let count = 0; count < BUFFERED; count += 1) page.emit('getUnreadCount', 17);
    const second = await start();
    await page.next('registered', 10_000);
    await until('its questions to be answered', () => page.all('unreadCount').length > 0);
    await internalApi(second).notify({ recipients: [17], message: { id: 1 } });
    await page.next('receive_message');
    expect(page.all('relay_error')).toEqual([]);
    expect(second.logs.filter(({ msg }) => msg === 'disconnected')).toEqual([]);
    await until('the last question to be answered too', () => page.all('unreadCount').length > 5);
    expect(backend.callsOf('event').length).toBeLessThan(10);
  },
);

test('a page that repeats itself without end is closed all the same', async () => {
  const relay = await startRelay({ RELAY_EVENT_RATE: 1 });
  const page = await connectAs(relay, clientToken(17), { transports: ['websocket'] });
  for (let count = 0; count < 2 * BUFFERED; count += 1) page.emit('getUnreadCount', 17);
  expect(await page.next('relay_error')).toMatchObject([{ code: 'rate_limited' }]);
});
