import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { checkOutbox } from '../../../relay/cli/checks/outbox.js';
import { type Mariadb, startMariadb } from '../../support/mariadb.js';
import { runPhp } from '../../support/php.js';
import { tempDir } from '../../support/temp.js';

const BRIDGE = fileURLToPath(new URL('../../../php-bridge/', import.meta.url));
/** A site that commits while its relay is away: the row stays, as it does there. */
const ADD = `
require '${BRIDGE}autoload.php';
$db = (new RelayBridge\\Environment())->database();
$outbox = new RelayBridge\\Outbox($db, new RelayBridge\\RecordingRelayClient());
$db->beginTransaction();
$outbox->add(new RelayBridge\\Notification(['id' => 981, 'conversation_id' => 5, 'sender_id' => 3, 'content' => 'hi'], [17]));
$db->commit();`;

let database: Mariadb;
let env: Record<string, string>;

beforeAll(async () => {
  database = await startMariadb();
  env = {
    PATH: process.env.PATH ?? '',
    SITE_DB_DSN: database.dsn,
    SITE_DB_USER: database.user,
    SITE_DB_PASSWORD: database.password,
  };
}, 60_000);

test('the outbox is followed from no table over empty and waiting to stuck and refused', async () => {
  expect(await checkOutbox(env)).toMatchObject({ verdict: 'FAIL', message: expect.stringContaining('outbox.sql') });
  await database.load(`${BRIDGE}schema/outbox.sql`);
  expect(await checkOutbox(env)).toMatchObject({ verdict: 'ok', message: 'nothing waits' });

  expect(await runPhp(['-r', ADD], env)).toMatchObject({ code: 0 });
  expect(await checkOutbox(env)).toMatchObject({ verdict: 'ok', message: expect.stringMatching(/^1 messages wait/) });
  const older = (seconds: number) =>
    database.sql(`UPDATE relay_outbox SET created_at = UTC_TIMESTAMP(3) - INTERVAL ${seconds} SECOND;`);
  await older(20);
  expect(await checkOutbox(env)).toMatchObject({ verdict: 'warn', message: expect.stringContaining('for 2') });
  await older(600);
  const stuck = await checkOutbox(env);
  expect(stuck).toMatchObject({
    verdict: 'FAIL',
    message: expect.stringMatching(/^stuck: 1 .* the oldest for 60\d s/),
  });
  expect(stuck.mend.join('\n')).toContain('php php-bridge/bin/outbox --watch');

  await database.sql("UPDATE relay_outbox SET failed_at = UTC_TIMESTAMP(3), last_error = '400 invalid_body';");
  const refused = await checkOutbox(env);
  expect(refused).toMatchObject({ verdict: 'warn', message: expect.stringContaining('400 invalid_body') });
  expect(refused.mend.join('\n')).toContain('--requeue');
});

test('what PHP itself says is told, and "no answer in time" of one that does not end', async () => {
  const dir = await tempDir();
  const prepending = async (code: string) => {
    await writeFile(join(dir, 'before.php'), `<?php ${code}`);
    const set = `auto_prepend_file=${dir}/before.php\ndisplay_errors=1\nlog_errors=0\n`;
    await writeFile(join(dir, 'conf.ini'), set);
    return checkOutbox({ ...env, PHP_INI_SCAN_DIR: `:${dir}` }, 2_000);
  };
  const said = (message: unknown) => ({ verdict: 'FAIL', message });
  expect(await prepending('throw new Exception("no such host");')).toMatchObject(
    said(expect.stringMatching(/^can't be read: Fatal error: Uncaught Exception: no such host/)),
  );
  expect(await prepending('echo $nothing;')).toMatchObject(
    said(expect.stringMatching(/^can't be read: Warning: Undefined variable \$nothing/)),
  );
  expect(await prepending('exit(9);')).toMatchObject(said("can't be read: PHP ended with 9 and said nothing"));
  expect(await prepending('echo "wait"; sleep(20);')).toMatchObject(said("can't be read: no answer in time"));
});

test('a database that is away is a FAIL, none named is not checked', async () => {
  const away = await checkOutbox({ ...env, SITE_DB_DSN: 'mysql:host=127.0.0.1;port=1;dbname=site' });
  expect(away).toMatchObject({ verdict: 'FAIL', message: expect.stringMatching(/^can't be read: no connection/) });
  expect(await checkOutbox({})).toMatchObject({ verdict: 'unchecked' });
});
