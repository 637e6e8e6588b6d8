import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './ports.js';
import { type Child, startChild } from './process.js';
import { block, replaced, section } from './readme.js';
import { onTeardown } from './teardown.js';
import { tempDir } from './temp.js';
import { until, within } from './until.js';

/** A web server of this machine that runs what the README says, but for names, ports and paths. */
export interface WebServer {
  readonly port: number;
  /** What its own check of the configuration printed, and how it ended. */
  readonly checked: { readonly code: number | null; readonly output: string };
}

export interface ProxyOptions {
  /** Public ports of the relays. More than one are for nginx alone. */
  readonly relays: readonly number[];
  /** PEM files; without, plain HTTP is spoken, for clients that can nothing else. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The pages of the site, readable by everyone. */
  readonly root?: string;
}

const CERTIFICATE = '/etc/ssl/certs/www.example.org.pem';
const KEY = '/etc/ssl/private/www.example.org.key';
const ROOT = '/var/www/html';
const RELAY = '127.0.0.1:3000';

export async function startReadmeNginx({ relays, tls, root }: ProxyOptions): Promise<WebServer> {
  const [dir, port] = [await servingFolder(), await freePort()];
  const site = replaced(block('nginx', 'nginx'), [
    ['listen 443 ssl;', `listen 127.0.0.1:${port}${tls ? ' ssl' : ''};`],
    ['www.example.org;', 'localhost;'],
    [`server ${RELAY} max_fails=0;`, relays.map((relay) => `server 127.0.0.1:${relay} max_fails=0;`).join(' ')],
    [`root ${ROOT};`, `root ${root ?? dir};`],
    [`ssl_certificate     ${CERTIFICATE};`, tls ? `ssl_certificate ${tls.cert};` : ''],
    [`ssl_certificate_key ${KEY};`, tls ? `ssl_certificate_key ${tls.key};` : ''],
  ]);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`);
  const conf = join(dir, 'nginx.conf');
  await writeFile(
    conf,
    `daemon off; master_process off; pid ${dir}/pid; error_log stderr warn; events { worker_connections 4096; }
http { types { text/html html; } access_log off; ${paths.join(' ')}
${site}
}`,
  );
  const args = ['-p', dir, '-e', 'stderr', '-c', conf];
  return await run({ command: 'nginx', args, test: ['-t'], port });
}

export async function startReadmeApache({ relays: [relay], tls, root }: ProxyOptions): Promise<WebServer> {
  const [dir, port] = [root ?? (await servingFolder()), await freePort()];
  const site = replaced(block('Apache', 'apache'), [
    ['*:443', `127.0.0.1:${port}`],
    ['www.example.org\n', 'localhost\n'],
    [RELAY, `127.0.0.1:${relay}`],
    [`DocumentRoot ${ROOT}`, `DocumentRoot ${dir}`],
    [`SSLCertificateFile    ${CERTIFICATE}`, tls ? `SSLCertificateFile ${tls.cert}` : ''],
    [`SSLCertificateKeyFile ${KEY}`, tls ? `SSLCertificateKeyFile ${tls.key}` : ''],
    ['SSLEngine on', tls ? 'SSLEngine on' : ''],
  ]);
  return await startApache(site, port);
}

/** The system's Apache with these lines. */
export async function startApache(site: string, port: number): Promise<WebServer> {
  const dir = await servingFolder();
  const conf = join(dir, 'apache.conf');
  await writeFile(
    conf,
    `ServerRoot ${dir}
DefaultRuntimeDir ${dir}
PidFile ${dir}/pid
Listen 127.0.0.1:${port}
ErrorLog ${dir}/error.log
ServerName localhost
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
${apacheModules()}
DirectoryIndex index.html
${site}`,
  );
  const args = ['-f', conf, '-D', 'FOREGROUND'];
  return await run({ command: 'apache2', args, test: ['-t'], port, log: join(dir, 'error.log') });
}

/** Those that Debian has on from the start, those that the README turns on, and what `a2enmod ssl` brings along. */
function apacheModules(): string {
  const named = /`a2enmod ([\w ]+)`/.exec(section('Apache'))?.[1]?.split(' ') ?? [];
  if (named.length === 0) throw new Error('the README turns on no modules of Apache');
  const all = ['mpm_event', 'authz_core', 'dir', 'mime', 'setenvif', 'socache_shmcb', ...named];
  // types are Debian's, and not installed without its service
  const lines = all.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`);
  return [...lines, 'TypesConfig /dev/null', 'AddType text/html .html'].join('\n');
}

/** Its workers may run as somebody else. */
async function servingFolder(): Promise<string> {
  const dir = await tempDir();
  await chmod(dir, 0o755);
  return dir;
}

interface Program {
  readonly command: string;
  readonly args: readonly string[];
  /** What makes it check its configuration and end. */
  readonly test: readonly string[];
  readonly port: number;
  /** Where it tells its errors, if not on stderr. */
  readonly log?: string;
}

async function run({ command, args, test, port, log }: Program): Promise<WebServer> {
  const check = startChild(command, [...args, ...test]);
  onTeardown(() => check.kill());
  const { code } = await within(`${command} ${test.join(' ')}`, check.exited, 10_000);
  const checked = { code, output: check.output.join('\n') };
  if (code !== 0) throw new Error(checked.output);
  const child = startChild(command, args);
  // not asked to stop: Apache waits up to ten seconds for workers that have a connection open
  onTeardown(() => child.kill());
  await until(`${command} to listen`, () => listens(child, port)).catch(async (error: Error) => {
    throw log === undefined ? error : new Error(await readFile(log, 'utf8'), { cause: error });
  });
  return { port, checked };
}

async function listens(child: Child, port: number): Promise<boolean> {
  if (!child.running) throw new Error(child.output.join('\n'));
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect').finally(() => socket.destroy());
  return true;
}
