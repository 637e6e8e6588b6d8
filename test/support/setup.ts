import { afterAll } from 'vitest';
import { runningChildren } from './process.js';
import { releaseFile } from './teardown.js';
import { until } from './until.js';

afterAll(async () => {
  await releaseFile();
  const left = runningChildren();
  await Promise.all(left.map((child) => child.kill()));
  if (left.length > 0)
    throw new Error(`left running: ${left.map((child) => child.output.slice(0, 3).join(' | ')).join('\n')}`);
  await until('every listener of this file to be closed', () => openListeners().length === 0, 2_000);
});

const openListeners = (): string[] => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap');
