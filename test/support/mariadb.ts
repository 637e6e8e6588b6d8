import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.js';
import { startChild } from './process.js';
import { onTeardown } from './teardown.js';
import { tempDir } from './temp.js';
import { within } from './until.js';

export interface Mariadb {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** For PDO; `SITE_DB_DSN` of the site. */
  readonly dsn: string;
  /** Runs statements; gives the rows as tab-separated lines without a head. */
  sql(statements: string): Promise<string[]>;
  load(...files: readonly string[]): Promise<void>;
}

const DATABASE = 'site';
const USER = 'site';
const PASSWORD = 'a-password-that-only-tests-know';

/** A MariaDB of the test's own, empty but for one database and one user who may do everything in it. */
export async function startMariadb(): Promise<Mariadb> {
  const dir = await tempDir();
  const data = join(dir, 'data');
  const socket = join(dir, 'sql');
  const asRoot = userInfo().uid === 0 ? ['--user=root'] : [];
  const common = ['--no-defaults', `--datadir=${data}`, ...asRoot];

  const install = startChild('mariadb-install-db', [
    ...common,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ]);
  onTeardown(() => install.kill());
  const { code } = await within('mariadb-install-db', install.exited, 60_000);
  if (code !== 0) throw new Error(`mariadb-install-db failed:\n${install.output.join('\n')}`);

  const port = await freePort();
  // Durability is not under test here, and two fsyncs a commit would be most of a test's time.
  const server = startChild('mariadbd', [
    ...common,
    ...[`--port=${port}`, '--bind-address=127.0.0.1', `--socket=${socket}`, `--pid-file=${join(dir, 'pid')}`],
    ...['--innodb-flush-log-at-trx-commit=2', '--innodb-buffer-pool-size=32M', '--performance-schema=OFF'],
    '--character-set-server=utf8mb4',
  ]);
  onTeardown(() => server.kill());
  await server.line(/ready for connections/, 30_000);

  const client = [
    '--no-defaults',
    `--socket=${socket}`,
    '--default-character-set=utf8mb4',
    '--batch',
    '--skip-column-names',
  ];
  await mysql(
    [...client, '--user=root'],
    `CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4; CREATE USER '${USER}'@'%' IDENTIFIED BY '${PASSWORD}';
     GRANT ALL ON ${DATABASE}.* TO '${USER}'@'%';`,
  );
  const sql: Mariadb['sql'] = (statements) => mysql([...client, '--user=root', DATABASE], statements);
  return {
    port,
    user: USER,
    password: PASSWORD,
    database: DATABASE,
    dsn: `mysql:host=127.0.0.1;port=${port};dbname=${DATABASE};charset=utf8mb4`,
    sql,
    async load(...files) {
      for (const file of files) await sql(await readFile(file, 'utf8'));
    },
  };
}

async function mysql(args: readonly string[], statements: string): Promise<string[]> {
  const proc = spawn('mariadb', args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 30_000 });
  let out = '';
  let err = '';
  proc.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
  });
  proc.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk;
  });
  proc.stdin.end(statements);
  const code = await new Promise<number | null>((resolve, reject) => {
    proc.once('error', reject);
    proc.once('close', resolve);
  });
  if (code !== 0) throw new Error(`mariadb: ${err || `exit ${code}`}`);
  return out.split('\n').filter((line) => line !== '');
}
