import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../support/ports.js';
import { onTeardown } from '../support/teardown.js';
import { tempDir } from '../support/temp.js';
import { launch } from './server-process.js';

export interface RedisServer {
  readonly url: string;
  readonly pid: number;
  /** Calls by command since the last reset, those that scripts make included. */
  commands(): Promise<ReadonlyMap<string, number>>;
  resetCommands(): Promise<void>;
  stop(): Promise<void>;
}

/** A Redis of the run's own, in memory only: what a disk costs is not the question here. */
export async function startRedis(placement: readonly string[]): Promise<RedisServer> {
  const folder = await tempDir();
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const { process } = await launch(
    {
      command: [...placement, 'redis-server', ...options],
      env: {},
      cwd: folder,
      log: join(folder, 'redis.log'),
    },
    (line) => (line.includes('Ready to accept connections') ? true : undefined),
  );
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url);
  onTeardown(() => client.disconnect());
  return {
    url,
    pid: process.pid,
    commands: async () => callsIn(await client.info('commandstats')),
    async resetCommands() {
      await client.config('RESETSTAT');
    },
    async stop() {
      client.disconnect();
      await process.stop();
    },
  };
}

/** Reads lines as `cmdstat_evalsha:calls=1000,usec=…`. */
export function callsIn(info: string): ReadonlyMap<string, number> {
  const lines = info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return new Map([...lines].map(([, name = '', calls]) => [name, Number(calls)]));
}
