import { existsSync, readFileSync } from 'node:fs';
import { copyFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../../../scripts/build.mjs';
import { internalApi } from '../../support/internal.js';
import { freePort } from '../../support/ports.js';
import { startChild } from '../../support/process.js';
import { startReadmeNginx } from '../../support/proxies.js';
import { BLOCKS, block, README, section } from '../../support/readme.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { onTeardown } from '../../support/teardown.js';
import { tempDir } from '../../support/temp.js';
import { within } from '../../support/until.js';
import { createAuthority } from '../doctor/certificates.js';

/** Run by a test of its own: the file that does it, and its words for it. */
const ELSEWHERE: Readonly<Record<string, readonly [string, string]>> = {
  'npm start': ['test/integration/start.test.ts', "startChild('npm', ['start']"],
  'npm ci': ['scripts/packages.mjs', "'ci'"],
  'npm run build': ['test/support/global-setup.ts', 'scripts/build.mjs'],
  'npm run demo': ['test/integration/demo.test.ts', 'scripts/demo.mjs'],
  'npm test': ['.ci/run', 'npm test'],
  'npm run check': ['.ci/run', 'npm run --silent lint'],
  'npm run storm -- --clients 5000': ['test/load/storm.test.ts', 'STORM_CLIENTS'],
  'npm run soak -- --minutes 30': ['test/load/soak.test.ts', 'SOAK_SECONDS'],
  'npm run chaos': ['test/chaos/chaos.test.ts', "from './experiment.js'"],
  'npm run bench': ['test/integration/readme/bench.test.ts', 'test/bench/run.mjs'],
  'npm run sbom': ['test/unit/security.test.ts', 'npm run sbom'],
  'docker compose up': ['test/compose.sh', 'docker compose up'],
  'docker compose up --detach': ['test/compose.sh', 'docker compose up'],
  'docker compose up --detach --scale relay=3': ['test/compose.sh', '--scale relay='],
  'docker compose down': ['test/compose.sh', ' down --volumes'],
  'docker compose down --volumes': ['test/compose.sh', ' down --volumes'],
  'php php-bridge/bin/outbox --watch': ['test/support/messaging-site.ts', "'--watch'"],
  'a2enmod ssl proxy proxy_http proxy_wstunnel rewrite headers': ['test/support/proxies.ts', 'a2enmod'],
  'pm2 start ecosystem.config.cjs': ['test/integration/readme/services.test.ts', 'ecosystem.config.cjs'],
  'systemctl reload relay': ['test/integration/readme/services.test.ts', "'ExecReload'"],
};
/** What changes a machine, needs another one, or an image registry: what it names is checked. */
const NOT_HERE = [
  /^sudo (useradd|chown|systemctl|-u relay node dist\/main\.js)\b/,
  /^ssh -L /,
  /^journalctl /,
  /^docker compose (-f \S+ --env-file|--profile observe|exec grafana cat) /,
];
/** Run here, below; the relay that the others speak to is the start. */
const HERE = [
  /^export RELAY_SECRET=/,
  /^echo '.*' > body\.json$/,
  /^curl -sS http:\/\/127\.0\.0\.1:3001\/notify /,
  /^npx relay( start)?$/,
  /^npx relay (check-config|doctor|learn|token internal)\b/,
  /^openssl rand -hex 32$/,
];

const PROGRAMS = 'npx|npm|node|php|docker|openssl|a2enmod|redis-cli|systemctl|journalctl|ssh|curl|apt|sudo|pm2|git';
const BLOCKED = BLOCKS.filter(({ language }) => /^(sh|bash|console)$/.test(language)).map(({ text }) => text);
const NAMED = [...README.matchAll(new RegExp(`(?:\`|made by: )((?:${PROGRAMS}) [^\`\n]+)`, 'g'))].map(
  ([, command]) => command ?? '',
);
const LINES = [...new Set([...BLOCKED.flatMap((text) => text.trim().split('\n')), ...NAMED])];

let clone: string;
let relay: Relay;
let site: { readonly url: string; readonly authority: string };

beforeAll(async () => {
  clone = await tempDir();
  await copyFile(join(ROOT, 'package.json'), join(clone, 'package.json'));
  for (const name of ['dist', 'node_modules', 'php-bridge']) await symlink(join(ROOT, name), join(clone, name));
  const [first] = BLOCKS.filter(({ language, text }) => language === 'ini' && text.includes('RELAY_SECRET='));
  await writeFile(join(clone, '.env'), first?.text ?? '');
  const [port, authority] = [await freePort(), await createAuthority()];
  const tls = await authority.issue('DNS:localhost', 60);
  site = {
    url: `https://localhost:${(await startReadmeNginx({ relays: [port], tls })).port}`,
    authority: authority.file,
  };
  // what the block says, not what tests are started with
  const unset = { RELAY_SECRET: undefined, RELAY_LOG_LEVEL: undefined };
  relay = await startRelay({ ...unset, RELAY_PORT: port, RELAY_TRUSTED_PROXIES: '127.0.0.1' }, clone);
});

describe('every shell line of the README', () => {
  test('is run by a test, or names things that are there', () => {
    const known = (line: string) => line in ELSEWHERE || [...HERE, ...NOT_HERE].some((pattern) => pattern.test(line));
    expect(LINES.length).toBeGreaterThan(20);
    expect(LINES.filter((line) => !known(line))).toEqual([]);
    expect(Object.keys(ELSEWHERE).filter((line) => !LINES.includes(line))).toEqual([]);
    const says = (file: string, words: string) => readFileSync(join(ROOT, file), 'utf8').includes(words);
    expect(Object.values(ELSEWHERE).filter(([file, words]) => !says(file, words))).toEqual([]);
  });

  test('is one that bash can read', async () => {
    for (const text of [...BLOCKED, ...NAMED]) expect(await bash(text, ['-n']), text).toMatchObject({ code: 0 });
  });

  test('names scripts of package.json, files of the repository and the user of the systemd unit', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    for (const [, name] of README.matchAll(/npm run (\w+)/g)) expect(scripts).toHaveProperty(name ?? '');
    const files = LINES.flatMap((line) => line.match(/\b(docker|php-bridge|scripts)\/\S+/g) ?? []);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(existsSync(join(ROOT, file)), file).toBe(true);
    const unit = block('systemd', 'systemd');
    for (const line of ['User=relay', 'WorkingDirectory=/opt/relay']) expect(unit).toContain(line);
    expect(block('systemd', 'sh')).toMatch(/ relay\n.* relay \/opt\/relay\/\.env .*\n.* relay\n/);
  });
});

describe('as a newcomer types them', () => {
  test('a secret, and the settings it goes into', async () => {
    const { output } = await succeeds('openssl rand -hex 32');
    expect(output[0]).toMatch(/^[0-9a-f]{64}$/);
    const settings = await succeeds('npx relay check-config');
    expect(settings.output).toEqual(expect.arrayContaining(['RELAY_SECRET=(set)', 'RELAY_IDENTITY=claim']));
    const warnings = settings.output.filter((line) => line.startsWith('warning'));
    expect(warnings).toEqual([expect.stringMatching(/^warning: RELAY_IDENTITY names claim/)]);
  });

  test('a notify from a shell gets the answer that is shown', async () => {
    const [text = ''] = BLOCKED.filter((one) => one.includes('body.json'));
    const { output } = await succeeds(text, 'npx relay');
    const [, shown = ''] = /The answer, `([^`]+)`/.exec(README) ?? [];
    expect(JSON.parse(output.at(-1) ?? '')).toEqual(JSON.parse(shown));
    expect((await internalApi(relay, { secret: secret() }).get('/messages/981/trace')).status).toBe(200);
  });

  test('a token for the console', async () => {
    const { output } = await succeeds('npx relay token internal');
    const answer = await fetch(`${relay.internalUrl}/stats`, { headers: { authorization: `Bearer ${output[0]}` } });
    expect(answer.status).toBe(200);
  });

  test('the doctor and the teacher of old names', async () => {
    const [line = ''] = LINES.filter((one) => one.startsWith('npx relay doctor --url'));
    const { output } = await succeeds(line);
    expect(output.filter((one) => /^(FAIL|warn)/.test(one))).toEqual([expect.stringMatching(/^warn +/)]);
    expect(output).toEqual(expect.arrayContaining([expect.stringMatching(/^ok +notify /)]));
    await succeeds('npx relay learn --internal http://127.0.0.1:3001');
  });

  test('every option of the doctor that is named is one', async () => {
    const { output } = await bash('node dist/main.js doctor --nonsense');
    const named =
      section('When something is wrong')
        .match(/`--\w+/g)
        ?.map((flag) => flag.slice(1)) ?? [];
    expect(named.length).toBeGreaterThan(4);
    for (const flag of new Set(named)) expect(output.join('\n'), flag).toContain(`[${flag}`);
  });
});

const secret = (): string => /^RELAY_SECRET=(.*)$/m.exec(README)?.[1] ?? '';

/** The site and the relay are elsewhere here. `npx` takes seconds: that it finds the relay, one test shows. */
async function succeeds(text: string, npx: 'npx relay' | 'node dist/main.js' = 'node dist/main.js') {
  const places = text.replaceAll('http://127.0.0.1:3001', relay.internalUrl);
  const line = places.replaceAll('https://www.example.org', site.url).replaceAll('npx relay', npx);
  const result = await bash(line);
  expect(result, line).toMatchObject({ code: 0 });
  return result;
}

async function bash(text: string, flags: readonly string[] = ['-e']) {
  const child = startChild('bash', [...flags, '-c', text], {
    cwd: clone,
    env: { npm_config_loglevel: 'error', NODE_EXTRA_CA_CERTS: site.authority },
  });
  onTeardown(() => child.kill());
  const { code } = await within(text, child.exited, 30_000);
  return { code, output: child.output };
}
