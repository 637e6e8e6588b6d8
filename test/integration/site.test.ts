import { readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import jwt from 'jsonwebtoken';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Mariadb, startMariadb } from '../support/mariadb.js';
import { type Php, startPhp } from '../support/php.js';
import { onTeardown } from '../support/teardown.js';
import { tempDir } from '../support/temp.js';
import { backendToken, SECRET } from '../support/tokens.js';
import { until } from '../support/until.js';

const BRIDGE = fileURLToPath(new URL('../../php-bridge/', import.meta.url));
const SITE = `${BRIDGE}site`;

interface Notify {
  path: string;
  authorization: string;
  body: Record<string, unknown>;
}

let database: Mariadb;
let php: Php;
let environment: Record<string, string>;
let ini: Record<string, string>;
let notifies: Notify[] = [];
let relay: 'answers' | 'hangs' | 'refuses' = 'answers';

beforeAll(async () => {
  database = await startMariadb();
  await database.load(`${SITE}/schema.sql`, `${BRIDGE}schema/outbox.sql`, `${SITE}/seed.sql`);
  ini = { 'session.save_path': await tempDir(), sys_temp_dir: await tempDir() };
  environment = {
    SITE_DB_DSN: database.dsn,
    SITE_DB_USER: database.user,
    SITE_DB_PASSWORD: database.password,
    SITE_DEMO_LOGIN: '1',
    RELAY_SECRET: SECRET,
    RELAY_INTERNAL_URL: await startNotifyEndpoint(),
  };
  php = await startSite();
}, 60_000);

beforeEach(() => {
  notifies = [];
  relay = 'answers';
});

describe('sending by AJAX', () => {
  test('saves the message and hands it to the relay in the shape that pages read', async () => {
    const answer = await send(await logIn(3), { conversation_id: '5', content: 'On my way' });
    expect(answer).toEqual({ status: 200, body: { success: true, message_id: expect.any(Number) } });
    const notify = await until('the notify', () => notifies[0]);
    expect(notify.authorization).toMatch(/^Bearer /);
    expect(notify.body).toMatchObject({
      id: String(answer.body.message_id),
      recipients: ['3', '17'],
      message: {
        id: answer.body.message_id,
        conversation_id: 5,
        sender_id: 3,
        sender_name: 'Mira Holt',
        sender_photo: 'photos/mira.svg',
        content: 'On my way',
        sent_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      },
    });
    await until('the outbox to be empty', async () => (await outboxRows()) === 0);
  });

  test.each([
    ['nobody is logged in', 401, undefined, { conversation_id: '5', content: 'hi' }],
    ['the sender is no member', 403, 3, { conversation_id: '9', content: 'hi' }],
    ['there is no such conversation', 403, 3, { conversation_id: '999', content: 'hi' }],
    ['the conversation is no number', 400, 3, { conversation_id: '5x', content: 'hi' }],
    ['the message is empty', 422, 3, { conversation_id: '5', content: ' \n\u00a0' }],
    ['nothing was said', 422, 3, { conversation_id: '5' }],
    ['the message is too long', 413, 3, { conversation_id: '5', content: 'ä'.repeat(4001) }],
  ])('leaves no row where %s', async (_, status, user, form) => {
    const before = await messageRows();
    const answer = await send(user === undefined ? '' : await logIn(user), form);
    expect(answer).toEqual({ status, body: { success: false, error: expect.any(String) } });
    expect([await messageRows(), await outboxRows()]).toEqual([before, 0]);
  });

  test('leaves no row for bytes that are not UTF-8', async () => {
    const before = await messageRows();
    const answer = await post(await logIn(3), 'conversation_id=5&content=caf%E9');
    expect(answer).toEqual({ status: 400, body: { success: false, error: expect.any(String) } });
    expect(await messageRows()).toBe(before);
  });

  test.each([
    { origin: 'http://elsewhere.example' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'http://elsewhere.example' },
    { origin: 'null' },
  ])('is refused from a page of another site: %o', async (headers) => {
    const before = await messageRows();
    const answer = await send(await logIn(3), { conversation_id: '5', content: 'hi' }, headers);
    expect(answer.status).toBe(403);
    expect(await messageRows()).toBe(before);
  });

  test('takes at most 350 ms longer where the relay hangs, and keeps the message for the outbox', async () => {
    const cookie = await logIn(17);
    relay = 'hangs';
    const started = performance.now();
    const answer = await send(cookie, { conversation_id: '9', content: 'Which Tuesday?' });
    const took = performance.now() - started;
    expect(answer.body.success).toBe(true);
    expect(took).toBeLessThan(350 + 150);
    expect(await outboxRows()).toBe(1);
    await database.sql('DELETE FROM relay_outbox');
  });

  test('keeps every character as it was typed', async () => {
    const content = '<b>"tea" & \'cake\'</b> \\ 🥧 \n second line';
    const answer = await send(await logIn(3), { conversation_id: '6', content });
    const { messages } = await event('get_messages', 3, { conversation_id: '6' });
    expect(messages.at(-1)).toMatchObject({ id: answer.body.message_id, content });
  });
});

describe('the page', () => {
  test('is shown to nobody who is not logged in', async () => {
    const response = await fetch(`${php.url}/messaging.php`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([303, 'login.php']);
  });

  test('holds no markup that somebody wrote', async () => {
    await send(await logIn(3), { conversation_id: '5', content: '</script><script>alert(1)</script>' });
    const html = await (await get('/messaging.php?conversation=5', await logIn(17))).text();
    expect(html).toContain('\\u003Cscript\\u003Ealert(1)');
    expect(html).not.toContain('<script>alert');
  });

  test('does not open a conversation that one is not in', async () => {
    const html = await (await get('/messaging.php?conversation=9', await logIn(3))).text();
    expect(html).toContain('"openId":null');
    expect(html).not.toContain('Bins go out');
  });

  test.each([
    '/schema.sql',
    '/seed.sql',
    '/bootstrap.php',
    '/router.php',
    '/Classes/Site.php',
    '/../autoload.php',
    '/.htaccess',
  ])('is all there is: %s is not served', async (path) => {
    expect((await fetch(`${php.url}${path}`)).status).toBe(404);
  });

  test('keeps its session from scripts and from other sites', async () => {
    const response = await fetch(`${php.url}/login.php?user=3`, { redirect: 'manual' });
    expect(response.headers.get('set-cookie')).toMatch(/HttpOnly.*SameSite=Lax/i);
  });

  test('knows nobody any more after the logout', async () => {
    const cookie = await logIn(3);
    expect(await backend({ action: 'identify', cookie })).toEqual({ user_id: 3 });
    await logOut(cookie);
    expect(await backend({ action: 'identify', cookie })).toEqual({ user_id: null });
  });

  test('has the relay end the sockets of who logs out, so that other tabs get nothing more', async () => {
    expect(await logOut(await logIn(3))).toBe('login.php');
    expect(notifies).toEqual([
      { path: '/disconnect', authorization: expect.any(String), body: { user: '3', reason: 'logged_out' } },
    ]);
    await logOut('PHPSESSID=made-up');
    expect(notifies).toHaveLength(1);
  });

  test('logs out also where the relay hangs', async () => {
    const cookie = await logIn(3);
    relay = 'hangs';
    const started = performance.now();
    expect(await logOut(cookie)).toBe('login.php');
    expect(performance.now() - started).toBeLessThan(350 + 150);
    expect(await backend({ action: 'identify', cookie })).toEqual({ user_id: null });
  });

  test('keeps the session of who goes on using it, written every few minutes and no oftener', async () => {
    const cookie = await logIn(17);
    const file = join(ini['session.save_path'] ?? '', `sess_${cookie.split('=')[1]}`);
    const written = async () => (await stat(file)).mtimeMs / 1000;
    const lookAfter = async (seconds: number) => {
      const then = Math.floor(Date.now() / 1000) - seconds;
      await writeFile(file, (await readFile(file, 'utf8')).replace(/(seen_at\|i:)\d+/, `$1${then}`));
      await utimes(file, then, then);
      expect((await get('/ajax/messages.php?conversation_id=5', cookie)).status).toBe(200);
      return (await written()) - then;
    };
    expect(await lookAfter(1_000)).toBeGreaterThan(900);
    expect(await lookAfter(60)).toBe(0);
    expect(await lookAfter(1_000)).toBeGreaterThan(900);
    expect(await backend({ action: 'identify', cookie })).toEqual({ user_id: 17 });
  });
});

describe('by its settings', () => {
  test('the page is the old one, with its own origin for a relay and nothing added', async () => {
    const html = await (await get('/messaging.php', await logIn(3))).text();
    expect(html).toContain('<script src="/socket.io/socket.io.min.js">');
    expect(html).toContain('"relayUrl":""');
    expect(html).not.toMatch(/relay-client|relay-token/);
  });

  test('the page carries a token that is good for its user alone', async () => {
    const other = await startSite({ SITE_PROOF: 'token', RELAY_PUBLIC_URL: 'https://relay.example:3000/' });
    const cookie = await logIn(17);
    const response = await fetch(`${other.url}/messaging.php`, { headers: { cookie } });
    const html = await response.text();
    const inPage = /<meta name="relay-token" content="([^"]+)">/.exec(html)?.[1] ?? '';
    const later = await (await fetch(`${other.url}/ajax/relay-token.php`, { headers: { cookie } })).json();
    for (const token of [inPage, (later as { token: string }).token]) {
      expect(jwt.verify(token, SECRET, { audience: 'relay:client' })).toMatchObject({ sub: '17' });
    }
    expect(html).toContain('<script src="https://relay.example:3000/relay-client.js"');
    expect(response.headers.get('content-security-policy')).toContain('wss://relay.example:3000');
    expect((await fetch(`${other.url}/ajax/relay-token.php`)).status).toBe(401);
  });

  test('the relay is looked for on another port of whatever host the page came from', async () => {
    const other = await startSite({ RELAY_PUBLIC_URL: ':3000', SITE_RELAY_CLIENT: '1' });
    const html = await (await fetch(`${other.url}/messaging.php`, { headers: { cookie: await logIn(3) } })).text();
    expect(html).toContain('"relayUrl":"http:\\/\\/127.0.0.1:3000"');
    expect(html).toContain('<script src="http://127.0.0.1:3000/relay-client.js"');
  });

  test('nobody logs in by a name unless that is switched on', async () => {
    const other = await startSite({ SITE_DEMO_LOGIN: '' });
    const response = await fetch(`${other.url}/login.php?user=3`, { redirect: 'manual' });
    expect([response.status, response.headers.get('set-cookie')]).toEqual([403, null]);
  });
});

describe('the backend', () => {
  test('refuses who is not the relay', async () => {
    const response = await fetch(`${php.url}/relay-backend.php`, { method: 'POST', body: '{"action":"members"}' });
    expect(response.status).toBe(401);
  });

  test('knows a user by the cookies of the browser, and nobody by others', async () => {
    expect(await backend({ action: 'identify', cookie: `a=1; ${await logIn(17)}; b=2` })).toEqual({ user_id: 17 });
    expect(await backend({ action: 'identify', cookie: 'PHPSESSID=made-up' })).toEqual({ user_id: null });
  });

  test.each([5, '5'])('names the members of conversation %j', async (conversation) => {
    expect(await backend({ action: 'members', conversation_id: conversation })).toEqual({ members: [3, 17] });
  });

  test.each(['5x', 0, '999', 12345])('does not know conversation %j', async (conversation) => {
    expect(await backend({ action: 'members', conversation_id: conversation })).toEqual({ members: null });
  });

  test('gives participants as numbers, which the page compares with !==', async () => {
    const answer = await event('getConversationParticipants', 8, { conversation_id: '7' });
    expect(answer).toEqual({ success: true, participants: [3, 8, 17, 42] });
  });

  test('gives photos as strings and times with T and Z, whatever the tables hold', async () => {
    const { messages } = await event('get_messages', 8, { conversation_id: 7 });
    expect(messages[0]).toMatchObject({ sender_id: 8, sender_photo: '', sent_at: expect.stringMatching(/T.*Z$/) });
  });

  test.each(['get_messages', 'getConversationParticipants', 'mark_messages_read'])(
    'does not answer %s for a conversation that the user is not in',
    async (name) => {
      expect(await event(name, 3, { conversation_id: 9, user_id: 17 })).toEqual({
        success: false,
        error: expect.any(String),
        conversation_id: 9,
      });
    },
  );

  test('opens the one conversation of two people, whoever asks', async () => {
    const [first, second] = await Promise.all([
      event('get_conversation', 31, { current_user_id: '3', recipient_id: 8 }),
      event('get_conversation', 8, { current_user_id: '8', recipient_id: '31' }),
    ]);
    expect(first).toEqual({
      success: true,
      conversation_id: expect.any(Number),
      username: 'Wen Zhao',
      user_photo: '',
      recipient_username: 'Tomás Rey',
      recipient_photo: '',
    });
    expect(second.conversation_id).toBe(first.conversation_id);
    expect((await event('get_conversation', 17, { recipient_id: 3 })).conversation_id).toBe(5);
  });

  test('counts what is unread for each reader of a group alone', async () => {
    await send(await logIn(8), { conversation_id: '7', content: 'Umbrellas, everybody' });
    const before = await event('getUnreadCount', 42, 42);
    await event('mark_messages_read', 3, { conversation_id: 7, user_id: 3 });
    expect(await event('getUnreadCount', 42, 42)).toEqual(before);
    const { conversations } = await event('getUnreadConversations', 42, 42);
    expect(conversations[0]).toEqual({
      conversation_id: 7,
      unread_count: expect.any(Number),
      last_sender_id: 8,
      last_message: 'Umbrellas, everybody',
      last_sender_username: 'Tomás Rey',
      last_sender_photo: '',
    });
    await event('mark_messages_read', 42, { conversation_id: '7', user_id: 42 });
    const after = await event('getUnreadConversations', 42, 42);
    expect(after.conversations.map((one: { conversation_id: number }) => one.conversation_id)).not.toContain(7);
  });

  test('finds people one talks to and people one does not', async () => {
    const found = await event('search_users', 23, { user_id: 23, search_term: 'o' });
    expect(found.success).toBe(true);
    expect(found.conversations).toEqual([
      { conversation_id: 9, user_id: 17, username: 'Jonas Beck', photo: 'photos/jonas.svg' },
    ]);
    expect(found.newUsers.map((one: { username: string }) => one.username)).toEqual([
      'Mira Holt',
      'Tomás Rey',
      'Wen Zhao',
    ]);
    expect(await event('search_users', 23, { search_term: '%' })).toMatchObject({ conversations: [], newUsers: [] });
  });

  test('lists all conversations with the newest first', async () => {
    await send(await logIn(42), { conversation_id: '6', content: 'Solved: it was the toner.' });
    const { conversations } = await event('getAllConversations', 3, 3);
    expect(conversations[0]).toMatchObject({
      conversation_id: 6,
      participants: [{ user_id: 42, username: 'Ines Duarte', photo: 'photos/ines.svg' }],
      last_message: 'Solved: it was the toner.',
      last_sender_id: 42,
    });
  });

  test('saves a message for the page that has no AJAX, from whom the relay says it is', async () => {
    const data = { conversation_id: '5', sender_id: '17', content: 'By socket' };
    const answer = await backend({ action: 'send_message', user_id: '3', data });
    expect(answer).toMatchObject({
      message: { conversation_id: 5, sender_id: 3, sender_name: 'Mira Holt', content: 'By socket' },
      recipients: [3, 17],
    });
    expect(await outboxRows()).toBe(0);
  });

  test.each([
    { conversation_id: 9, content: 'hi' },
    { conversation_id: 5, content: ' ' },
    { conversation_id: [5], content: 'hi' },
    { content: 'hi' },
    'hi',
  ])('says why it did not save %j', async (data) => {
    const before = await messageRows();
    expect(await backend({ action: 'send_message', user_id: 3, data })).toEqual({ error: expect.any(String) });
    expect(await messageRows()).toBe(before);
  });
});

/** Stands where the relay's internal listener is: whether a notify is a right one is for the relay's own tests. */
async function startNotifyEndpoint(): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    if (relay === 'hangs') return;
    const notification = JSON.parse(body) as Record<string, unknown>;
    const path = request.url ?? '';
    for (const one of (notification.notifications as Record<string, unknown>[] | undefined) ?? [notification]) {
      notifies.push({ path, authorization: request.headers.authorization ?? '', body: one });
    }
    const result = (one: Record<string, unknown>) => ({ id: one.id, duplicate: false, delivered: [], offline: [] });
    const batch = notification.notifications as Record<string, unknown>[] | undefined;
    response.setHeader('content-type', 'application/json');
    const answer = batch ? { results: batch.map(result) } : result(notification);
    response.end(JSON.stringify(path === '/disconnect' ? { closed: 0 } : answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTeardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function startSite(env: Record<string, string> = {}): Promise<Php> {
  return startPhp({ root: SITE, router: `${SITE}/router.php`, ini, env: { ...environment, ...env } });
}

async function logIn(user: number): Promise<string> {
  const response = await fetch(`${php.url}/login.php?user=${user}`, { redirect: 'manual' });
  const cookies = response.headers.getSetCookie();
  return cookies.at(-1)?.split(';')[0] ?? '';
}

/** Gives where it leads. */
async function logOut(cookie: string): Promise<string | null> {
  const response = await fetch(`${php.url}/logout.php`, { method: 'POST', headers: { cookie }, redirect: 'manual' });
  return response.headers.get('location');
}

function get(path: string, cookie: string): Promise<Response> {
  return fetch(`${php.url}${path}`, { headers: { cookie } });
}

function send(cookie: string, form: Record<string, string>, headers: Record<string, string> = {}) {
  return post(cookie, new URLSearchParams(form).toString(), headers);
}

async function post(cookie: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${php.url}/ajax/send-message.php`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded', cookie, ...headers },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function backend(request: Record<string, unknown>): Promise<unknown> {
  const body = JSON.stringify(request);
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${backendToken(body)}` };
  const response = await fetch(`${php.url}/relay-backend.php`, { method: 'POST', body, headers });
  expect(response.status).toBe(200);
  return response.json();
}

// biome-ignore lint/suspicious/noExplicitAny: each test says by its expectations what shape it waits for
async function event(name: string, user: number, data: unknown): Promise<any> {
  const answer = await backend({ action: 'event', event: name, user_id: String(user), data });
  const { emit } = answer as { emit: { event: string; data: unknown }[] };
  expect(emit).toHaveLength(1);
  return emit[0]?.data;
}

const messageRows = async (): Promise<number> => Number((await database.sql('SELECT COUNT(*) FROM Messages'))[0]);
const outboxRows = async (): Promise<number> => Number((await database.sql('SELECT COUNT(*) FROM relay_outbox'))[0]);
