import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../../scripts/build.mjs';
import { connectAs } from '../../support/client.js';
import { runPhp } from '../../support/php.js';
import { BLOCKS, replaced } from '../../support/readme.js';
import { startRelay } from '../../support/relay.js';
import { tempDir } from '../../support/temp.js';
import { SECRET } from '../../support/tokens.js';

const php = (words: string): string => {
  const [found] = BLOCKS.filter(({ language, text }) => language === 'php' && text.includes(words));
  if (found === undefined) throw new Error(`the README has no PHP that says ${words}`);
  return found.text;
};

test("the token that the README's line prints lets a page in, and its three lines of PHP reach it", async () => {
  const relay = await startRelay();
  const printed = await run(`<?php
    $_SESSION = ['user_id' => 17];
    ?>${php('relay-token')}`);
  const [, token = ''] = /^<meta name="relay-token" content="([\w.-]+)">$/m.exec(printed) ?? [];
  const page = await connectAs(relay, token);
  expect(page.registered).toMatchObject({ ok: true, user_id: '17' });

  const lines = replaced(php('HttpRelayClient'), [['http://127.0.0.1:3001', relay.internalUrl]]);
  await run(`<?php
    [$id, $text, $sentAt, $recipients] = [981, 'hi', '2025-05-28 10:00:00', [3, 17]];
    ${lines}`);
  const [message] = await page.next('receive_message');
  expect(message).toMatchObject({ id: 981, conversation_id: 5, content: 'hi', sent_at: '2025-05-28T10:00:00.000Z' });
});

async function run(text: string): Promise<string> {
  const file = join(await tempDir(), 'page.php');
  await writeFile(file, text.replace("'php-bridge/", `'${ROOT}php-bridge/`));
  const { code, output } = await runPhp([file], { RELAY_SECRET: SECRET });
  expect(output.join('\n')).not.toMatch(/Warning|Notice|Fatal/);
  expect(code).toBe(0);
  return output.join('\n');
}
