import { build, isStale } from '../../scripts/build.mjs';
import { startRedis } from './redis.js';
import { releaseFile } from './teardown.js';

/**
 * Once a run: one Redis, and a build when a source is newer than `dist/`. The workers inherit both answers as
 * environment variables. A build that fails is told by the tests that start the built relay; the others still run.
 */
export default async function setup(): Promise<() => Promise<void>> {
  // Called once for the run and once for each of its projects.
  if (process.env.TEST_REDIS_URL) return releaseFile;
  const redis = await startRedis();
  process.env.TEST_REDIS_URL = redis.url;
  process.env.TEST_BUILD_ERROR = await buildIfStale();
  return releaseFile;
}

async function buildIfStale(): Promise<string> {
  try {
    if (isStale()) await build();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
