import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTeardown } from './teardown.js';

/** An empty folder that is gone when the test is. Short, since Unix sockets in it may be at most 107 bytes long. */
export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'relay-'));
  onTeardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}
