import { fileURLToPath } from 'node:url';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { type Client, connectAs } from '../../support/client.js';
import { type FakeBackend, startFakeBackend } from '../../support/fake-backend.js';
import { type Mariadb, startMariadb } from '../../support/mariadb.js';
import { runPhp } from '../../support/php.js';
import { startChild } from '../../support/process.js';
import { startRelay } from '../../support/relay.js';
import { onTeardown } from '../../support/teardown.js';
import { clientToken, SECRET } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const BRIDGE = fileURLToPath(new URL('../../../php-bridge/', import.meta.url));
const DRAIN = `${BRIDGE}bin/outbox`;

type Row = [content: string, conversation: number, recipient?: number];

let database: Mariadb;
let backend: FakeBackend;
let env: Record<string, string>;
let jonas: Client;

beforeAll(async () => {
  database = await startMariadb();
  await database.load(`${BRIDGE}schema/outbox.sql`);
}, 60_000);

beforeEach(async () => {
  await database.sql('DELETE FROM relay_outbox');
  backend = await startFakeBackend(everybodyKnown);
  const relay = await startRelay({ RELAY_IDENTITY: 'token', RELAY_BACKEND_URL: backend.url });
  jonas = await connectAs(relay, clientToken(17));
  env = {
    PATH: process.env.PATH ?? '',
    SITE_DB_DSN: database.dsn,
    SITE_DB_USER: database.user,
    SITE_DB_PASSWORD: database.password,
    RELAY_INTERNAL_URL: relay.internalUrl,
    RELAY_SECRET: SECRET,
  };
});

test.each<[what: string, answer: FakeBackend['answer']]>([
  ['fails', (_, response) => void response.writeHead(500).end()],
  ['refuses', (_, response) => void response.writeHead(403).end()],
  ['does not answer', () => undefined],
])('a conversation for which the backend %s waits, in order, and no other waits with it', async (_, answer) => {
  backend.answer = (call, response) => (call.conversation_id === 5 ? answer(call, response) : everybodyKnown());
  await add(['one of 5', 5], ['two of 5', 5], ['one of 6', 6], ['two of 6', 6], ['to Jonas', 7, 17]);
  expect(await drain()).toMatchObject({ code: 1 });
  await until('the messages of other conversations', () => shown().length === 3);
  expect(shown().sort()).toEqual(['one of 6', 'to Jonas', 'two of 6']);

  backend.answer = everybodyKnown;
  expect(await drain()).toMatchObject({ code: 0 });
  await until('the others', () => shown().length === 5);
  expect(shown().slice(3)).toEqual(['one of 5', 'two of 5']);
});

test('a backend that is away holds up no message that names people, and the others come once it is back', async () => {
  await backend.down();
  // More than the turns after which a drain that takes it for the relay's failure has come down to one row a turn.
  const named = Array.from({ length: 10 }, (_, n): Row => [`${n} to Jonas`, 7, 17]);
  await add(['one of 5', 5], ['one of 6', 6], ['two of 5', 5], ...named);
  const service = startChild('php', [DRAIN, '--watch'], { env });
  onTeardown(() => service.kill());
  await until('the messages that name people', () => shown().length === named.length);
  expect(shown()).toEqual(named.map(([content]) => content));

  await backend.up();
  await until('the others', () => shown().length === named.length + 3, 15_000);
  expect(shown().filter((text) => text.endsWith('of 5'))).toEqual(['one of 5', 'two of 5']);
});

function everybodyKnown() {
  return { members: [3, 17] };
}

const drain = () => runPhp([DRAIN, '--once'], env);

const shown = () => jonas.all('receive_message').map(([message]) => (message as { content: string }).content);

/** Commits messages of user 3 as a site whose relay is away does; without `recipient` they name only a conversation. */
async function add(...messages: Row[]): Promise<void> {
  const script = `
    require '${BRIDGE}autoload.php';
    $outbox = new RelayBridge\\Outbox((new RelayBridge\\Environment())->database(), new RelayBridge\\RecordingRelayClient());
    foreach (json_decode($argv[1]) as $id => $message) {
        $fields = ['id' => $id + 1, 'conversation_id' => $message[1], 'sender_id' => 3, 'content' => $message[0]];
        $outbox->add(new RelayBridge\\Notification($fields, array_slice($message, 2)));
    }`;
  expect(await runPhp(['-r', script, JSON.stringify(messages)], env)).toMatchObject({ code: 0 });
}
