import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connectAs, open, refusal } from '../../support/client.js';
import { internalApi } from '../../support/internal.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { tempDir } from '../../support/temp.js';
import { clientToken, SECRET } from '../../support/tokens.js';
import { until } from '../../support/until.js';
import { type Certificate, selfSigned } from '../doctor/certificates.js';

const ANY_CERTIFICATE = { transports: ['websocket'], rejectUnauthorized: false };
const NEXT = 'the-next-secret-that-only-tests-know-456';

/** Counts what the log says of reloads, so that each signal is waited for by itself. */
async function hangUp(relay: Relay, how: 'read' | 'not read'): Promise<void> {
  const said = () => relay.logs.filter(({ msg }) => String(msg).startsWith(`settings ${how} again`)).length;
  const before = said();
  relay.signal('SIGHUP');
  await until(`settings ${how} again`, () => said() > before);
}

test('SIGHUP takes the secret of .env and the origins of a file anew, and drops nobody', async () => {
  const dir = await tempDir();
  const env = (text: string) => writeFile(join(dir, '.env'), text);
  const origins = (text: string) => writeFile(join(dir, 'origins'), text);
  await env(`RELAY_SECRET=${SECRET}`);
  await origins('https://one.example');
  const settings = { RELAY_SECRET: undefined, RELAY_ALLOWED_ORIGINS_FILE: join(dir, 'origins') };
  const relay = await startRelay(settings, dir);
  const from = async (origin: string) => {
    const response = await fetch(`${relay.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin } });
    return response.status;
  };
  const early = await connectAs(relay, clientToken(1));

  await env(`RELAY_SECRET=${NEXT}\nRELAY_PREVIOUS_SECRET=${SECRET}`);
  await origins('https://two.example');
  await hangUp(relay, 'read');
  expect([await from('https://one.example'), await from('https://two.example')]).toEqual([403, 200]);
  for (const secret of [NEXT, SECRET]) {
    const { registered } = await connectAs(relay, clientToken(2, { secret }));
    expect(registered).toMatchObject({ ok: true });
  }

  await origins('');
  await hangUp(relay, 'not read');
  expect(await from('https://two.example')).toBe(200);
  await origins('https://two.example');

  await env('RELAY_SECRET=too-short');
  await hangUp(relay, 'not read');
  expect((await connectAs(relay, clientToken(3, { secret: NEXT }))).registered).toMatchObject({ ok: true });

  await env(`RELAY_SECRET=${NEXT}`);
  await hangUp(relay, 'read');
  const late = open(relay, { auth: { token: clientToken(4) } });
  expect((await refusal(late)).data).toMatchObject({ code: 'token_invalid' });

  const api = internalApi(relay, { secret: NEXT });
  const sent = await api.notify({ recipients: [1], message: { id: 1, content: 'still here?' } });
  expect(sent.body).toMatchObject({ delivered: ['1'] });
  await early.next('receive_message');
  expect(early.socket.connected).toBe(true);
});

test('SIGHUP takes what is good beside what is bad, tells the bad by name, and reads the TLS files all the same', async () => {
  const dir = await tempDir();
  const env = (...lines: readonly string[]) => writeFile(join(dir, '.env'), lines.join('\n'));
  const serve = async (names: Certificate) => {
    await copyFile(names.key, join(dir, 'key.pem'));
    await copyFile(names.cert, join(dir, 'cert.pem'));
  };
  const [first, second] = await Promise.all([selfSigned(), selfSigned()]);
  await serve(first);
  await env(`RELAY_SECRET=${SECRET}`, 'RELAY_ALLOWED_ORIGINS=https://one.example');
  const files = { RELAY_TLS_CERT_FILE: join(dir, 'cert.pem'), RELAY_TLS_KEY_FILE: join(dir, 'key.pem') };
  const relay = await startRelay({ RELAY_SECRET: undefined, RELAY_REGISTER_TIMEOUT: undefined, ...files }, dir);

  await serve(second);
  await env(`RELAY_SECRET=${NEXT}`, 'RELAY_ALLOWED_ORIGINS=nonsense', 'RELAY_REGISTER_TIMEOUT=soon');
  relay.signal('SIGHUP');
  for (const variable of ['RELAY_ALLOWED_ORIGINS', 'RELAY_REGISTER_TIMEOUT']) {
    await relay.log(variable, (line) => line.variable === variable && line.level === 50);
  }
  // said in one go: the watch of the files, which reads them too, is not in between
  const said = relay.logs.map(({ msg }) => String(msg));
  const at = said.findIndex((msg) => msg.startsWith('settings read again'));
  expect(said[at - 1]).toBe('tls: certificate read');

  const page = (origin: string, secret: string) =>
    open(relay, { auth: { token: clientToken(1, { secret }) }, extraHeaders: { origin }, ...ANY_CERTIFICATE });
  const known = page('https://one.example', NEXT);
  await known.next('registered');
  expect((await refusal(page('https://one.example', SECRET))).data).toMatchObject({ code: 'token_invalid' });
});
