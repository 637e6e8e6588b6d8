import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { person, startChromium } from '../support/chromium.js';
import { type Child, startChild } from '../support/process.js';
import { onTeardown } from '../support/teardown.js';
import { tempDir } from '../support/temp.js';
import { until, within } from '../support/until.js';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const INSTALL_MS = 240_000;
// Three times what it takes on two cores that have other things to do as well.
const AT_ONCE_MS = 10_000;

let clone: string;
let first: Child;

beforeAll(async () => {
  clone = join(await tempDir(), 'clone');
  const git = startChild('git', ['clone', '--quiet', '--no-local', REPOSITORY, clone]);
  onTeardown(() => git.kill());
  expect(await within('git clone', git.exited, 60_000), git.output.join('\n')).toMatchObject({ code: 0 });
  first = npmStart();
  await first.line(TRY, INSTALL_MS);
}, INSTALL_MS + 60_000);

describe('npm start on a fresh clone', () => {
  test('installs and builds once, even where NODE_ENV keeps npm from development packages', async () => {
    await stop(first);
    expect(first.output.join('\n')).toMatch(/Installing packages/);
    const again = npmStart();
    await again.line(TRY, AT_ONCE_MS);
    await stop(again);
    expect(again.output.join('\n')).not.toMatch(/Installing|Building/);

    const production = npmStart({ NODE_ENV: 'production', RELAY_PORT: 'none' });
    expect(await exit(production)).toBe(78);
    expect(production.output.join('\n')).toMatch(/RELAY_PORT/);
  }, 60_000);

  test('prints where everything is, and a line whose message is then seen at /try', async () => {
    const relay = npmStart();
    const curl = (await relay.line(CURL, AT_ONCE_MS)).trim();
    const tryUrl = TRY.exec(await relay.line(TRY))?.[1] ?? '';
    const { page, errors } = await person(await startChromium());
    await page.goto(tryUrl);
    await until('both live', async () => (await page.locator('.pane[data-state=live]').count()) === 2);

    const shell = startChild('bash', ['-c', curl], { cwd: await tempDir() });
    onTeardown(() => shell.kill());
    expect(await within('curl', shell.exited, 10_000), shell.output.join('\n')).toMatchObject({ code: 0 });
    expect(JSON.parse(shell.output.find((line) => line.startsWith('{')) ?? '')).toMatchObject({ duplicate: false });
    for (const user of ['ada', 'ben']) await page.locator(`[data-user=${user}] .bubble .text`).first().waitFor();
    expect(errors).toEqual([]);
    await stop(relay);
  }, 60_000);

  test('builds again when a source was added, changed or taken away', async () => {
    const added = join(clone, 'relay', 'added-by-a-test', 'asset.css');
    await mkdir(join(added, '..'));
    await writeFile(added, '');
    const relay = npmStart();
    await relay.line(TRY, 60_000);
    await stop(relay);
    expect(relay.output.join('\n')).toMatch(/Building/);
    expect(await stat(join(clone, 'dist', 'added-by-a-test', 'asset.css'))).toBeDefined();
  }, 90_000);

  test('serves two starts at once on a tree that has to be built', async () => {
    await writeFile(join(clone, 'relay', 'another.css'), '');
    const both = [npmStart(), npmStart()];
    await Promise.all(both.map((relay) => relay.line(TRY, 90_000)));
    await Promise.all(both.map(stop));
    expect(both.filter((relay) => /Building/.test(relay.output.join('\n')))).toHaveLength(1);
  }, 120_000);
});

// The words for people, which come after the log line of the same content.
const TRY = /^ *try it +(http:\/\/\S+:\d+\/try)$/;
const CURL = /^ *curl .*\/notify/;

function npmStart(env: Record<string, string> = {}): Child {
  const child = startChild('npm', ['start'], {
    cwd: clone,
    env: { ...machine(), RELAY_PORT: '0', RELAY_INTERNAL_PORT: '0', RELAY_DRAIN_SECONDS: '0', ...env },
  });
  onTeardown(() => child.kill());
  return child;
}

/** SIGTERM reaches npm alone, as from a supervisor: the relay behind it is to end, and with 0. */
async function stop(npm: Child): Promise<void> {
  npm.signal('SIGTERM');
  expect(await exit(npm), npm.output.slice(-10).join('\n')).toBe(0);
}

const exit = async (npm: Child) => (await within('npm to end', npm.exited, 20_000)).code;

// How npm reaches its registry may stand in the environment; what this run of npm and vitest put there may not stay.
const machine = (): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NODE_ENV$|RELAY_|TEST)/.test(name)),
  );
