import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { checkBackend } from '../../../relay/cli/checks/backend.js';
import { createTokens } from '../../../relay/tokens.js';
import { type Php, startPhp } from '../../support/php.js';
import { freePort } from '../../support/ports.js';
import { tempDir } from '../../support/temp.js';
import { SECRET } from '../../support/tokens.js';

const AUTOLOAD = fileURLToPath(new URL('../../../php-bridge/autoload.php', import.meta.url));
const ENDPOINT = `<?php
require '${AUTOLOAD}';
(new RelayBridge\\Backend(new RelayBridge\\TokenVerifier(['${SECRET}']), [
    'identify' => function (array $session) { return $session['user_id'] ?? null; },
    'members' => function ($conversation) { return [3, 17]; },
]))->serve();`;

/** Scripts as sites have them; the first is right. */
const SCRIPTS: Record<string, string> = {
  'backend.php': ENDPOINT,
  'other-secret.php': ENDPOINT.replace(SECRET, 'a-secret-of-somebody-else-0123456789'),
  'no-members.php': ENDPOINT.replace("'members'", "'people'"),
  'no-identify.php': ENDPOINT.replace("'identify'", "'whoever'"),
  'html.php': '<!doctype html><title>Log in</title><form>…</form>',
  'notice.php': '<?php echo $undefined; header("Content-Type: application/json"); echo \'{"user_id": null}\';',
  'redirect.php': '<?php header("Location: /login.php", true, 302);',
  'slow.php': '<?php usleep(700000); echo \'{"user_id": null, "members": []}\';',
  'stuck.php': '<?php sleep(4);',
  'broken.php': '<?php throw new Exception("the database is away");',
  'error.php': '<?php http_response_code(500); echo "Internal Server Error";',
  'shapeless.php': '<?php echo \'{"user": 17}\';',
};
let php: Php;

beforeAll(async () => {
  const root = await tempDir();
  await Promise.all(Object.entries(SCRIPTS).map(([name, code]) => writeFile(join(root, name), code)));
  php = await startPhp({ root, ini: { display_errors: '1' } });
  // what PHP loads at its first request is not what is timed
  await examine('backend.php');
});

const examine = (script: string, now = Date.now, sessions = true) =>
  checkBackend(`${php.url}/${script}`, createTokens(SECRET, undefined, now), sessions);
const first = async (script: string, now = Date.now) => {
  const [finding] = await examine(script, now);
  return `${finding?.verdict} ${finding?.message}\n${finding?.mend.join('\n')}`;
};

test('a backend that answers as it must is well', async () => {
  const findings = await examine('backend.php');
  expect(findings.map(({ check, verdict }) => [check, verdict])).toEqual([
    ['backend identify', 'ok'],
    ['backend members', 'ok'],
  ]);
});

test.each([
  ['html.php', /^FAIL PHP answered HTML instead of JSON: a page titled "Log in"\nRELAY_BACKEND_URL=/],
  ['notice.php', /^FAIL PHP prints a complaint .*Warning: Undefined variable.*\ndisplay_errors = Off/],
  ['redirect.php', /^FAIL PHP answered 302 to \/login\.php; the relay follows no redirect/],
  ['other-secret.php', /^FAIL PHP answered 401 token_invalid: .*its RELAY_SECRET is not the relay's/],
  ['nowhere/', /^FAIL PHP answered 404: there is no such script.*\nRELAY_BACKEND_URL=/],
  ['broken.php', /^FAIL PHP prints a complaint .*Fatal error: Uncaught Exception: the database is away/],
  ['error.php', /^FAIL PHP answered 500: .*\ntail /],
  ['shapeless.php', /^FAIL PHP answered \{"user": 17\}, which must be like \{"user_id": 17\}/],
  ['slow.php', /^warn .* takes \d+ ms; after 2000 the relay gives up\nsession_write_close/],
  ['stuck.php', /^FAIL .* did not answer within the 2000 ms that the relay waits\nsession_write_close/],
])('%s is told in words of its own', async (script, words) => {
  expect(await first(script)).toMatch(words);
});

test("a PHP whose clock is not the relay's, and one that nobody listens for", async () => {
  const early = await first('backend.php', () => Date.now() - 600_000);
  expect(early).toMatch(/^FAIL PHP's clock is not the relay's: expired 5\d\d s ago.*\ntimedatectl/);
  const late = await first('backend.php', () => Date.now() + 600_000);
  expect(late).toMatch(/^FAIL PHP's clock is not the relay's: issued \d+ s ahead/);
  const nobody = `http://127.0.0.1:${await freePort()}/`;
  const [none] = await checkBackend(nobody, createTokens(SECRET, undefined), true);
  expect(none).toMatchObject({ verdict: 'FAIL', message: expect.stringContaining('nothing listens there') });
});

test('an action that the site has left out is told by itself', async () => {
  const [identify, members] = await examine('no-members.php');
  expect(identify?.verdict).toBe('ok');
  expect(members).toMatchObject({ verdict: 'FAIL', message: expect.stringContaining('404: unknown_action') });
  expect(members?.mend).toEqual([expect.stringMatching(/^'members' => function \(\$conversation/)]);
  const [nobody, all] = await examine('no-identify.php');
  expect(nobody).toMatchObject({ verdict: 'FAIL', message: expect.stringContaining('404: unknown_action') });
  expect(nobody?.mend).toEqual([expect.stringMatching(/^'identify' => function \(array \$session/)]);
  expect(all?.verdict).toBe('ok');
});

test('a site whose pages bring tokens needs no identify, and its members are asked all the same', async () => {
  const see = async (script: string) => (await examine(script, Date.now, false)).map(({ verdict }) => verdict);
  expect(await see('no-identify.php')).toEqual(['unchecked', 'ok']);
  expect(await see('no-members.php')).toEqual(['unchecked', 'FAIL']);
});
