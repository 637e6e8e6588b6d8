import { randomBytes } from 'node:crypto';
import { freePort } from './ports.js';
import { type Child, startChild } from './process.js';
import { onTeardown } from './teardown.js';
import { tempDir } from './temp.js';

export interface Redis {
  readonly url: string;
  readonly port: number;
  /** Starts it again after `stop` or `kill9`: same port, same data with `appendonly`, empty without. */
  start(): Promise<void>;
  stop(): Promise<void>;
  kill9(): Promise<void>;
  /** Stops answering without closing a connection, as a frozen or partitioned host does. */
  pause(): void;
  resume(): void;
}

export interface RedisOptions {
  appendonly?: boolean;
  args?: readonly string[];
}

/** The run's one Redis, with a key prefix that no other test has. */
export function sharedRedis(): { url: string; prefix: string } {
  const url = process.env.TEST_REDIS_URL;
  if (!url) throw new Error('no Redis was started for this run: see global-setup.ts');
  return { url, prefix: `t${randomBytes(6).toString('hex')}:` };
}

/** A Redis of the test's own, for tests that stop, kill, pause or inspect it. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const dir = await tempDir();
  const port = await freePort();
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--daemonize', 'no'],
    // `always`: what was answered before a kill -9 is on disk, so a test that loses a message has found a real loss.
    ...(options.appendonly ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []),
    ...(options.args ?? []),
  ];
  let child: Child | undefined;
  onTeardown(() => child?.kill());

  const redis: Redis = {
    url: `redis://127.0.0.1:${port}`,
    port,
    async start() {
      child = startChild('redis-server', args);
      await child.line(/Ready to accept connections/);
    },
    stop: async () => void (await child?.stop()),
    kill9: async () => void (await child?.kill()),
    pause: () => child?.signal('SIGSTOP'),
    resume: () => child?.signal('SIGCONT'),
  };
  await redis.start();
  return redis;
}
