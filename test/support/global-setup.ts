import { build, isStale } from '../../scripts/build.mjs';
import { checkLogs, collectLogs } from './logs.js';
import { startRedis } from './redis.js';
import { releaseFile } from './teardown.js';

/**
 * Once a run: one Redis, and a build when a source is newer than `dist/`. The workers inherit both answers as
 * environment variables, and where relays are to keep their logs, which are searched in the end. A build that fails is told by the tests that start the built relay; the others still run.
 */
export default async function setup(): Promise<() => Promise<void>> {
  // Called once for the run and once for each of its projects.
  if (process.env.TEST_REDIS_URL) return releaseFile;
  const redis = await startRedis();
  process.env.TEST_REDIS_URL = redis.url;
  process.env.TEST_BUILD_ERROR = await buildIfStale();
  const logs = collectLogs();
  return async () => {
    await releaseFile();
    checkLogs(logs);
  };
}

async function buildIfStale(): Promise<string> {
  try {
    if (isStale()) await build();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
