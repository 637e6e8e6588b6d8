import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StartReplica } from '../replica.js';
import { launch } from '../server-process.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * A program for Node, started as in production, that prints a line of JSON with its URLs, `public` and `internal`.
 * @param command the script, relative to the root of the repository, and its arguments
 */
export function nodeServer(command: readonly string[], env: Readonly<Record<string, string>>): StartReplica {
  const [script = '', ...args] = command;
  return async (options) => {
    const { folder, placement, redisUrl } = options;
    const redis = redisUrl === undefined ? {} : { REDIS_URL: redisUrl, RELAY_REDIS_URL: redisUrl };
    const { process: started, said } = await launch(
      {
        command: [...placement, process.execPath, join(ROOT, script), ...args],
        // a folder without .env
        cwd: folder,
        env: { NODE_ENV: 'production', ...env, ...redis, ...options.env },
        log: join(folder, `${options.number}.log`),
      },
      addressesIn,
    );
    return { process: started, pagePort: portOf(said.public), callPort: portOf(said.internal) };
  };
}

interface Addresses {
  readonly public: string;
  readonly internal: string;
}

function addressesIn(line: string): Addresses | undefined {
  return line.startsWith('{') && line.includes('"public"') ? (JSON.parse(line) as Addresses) : undefined;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
