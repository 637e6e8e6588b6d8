import { onTestFinished, TestRunner } from 'vitest';

export type Release = () => unknown;

const fileReleases: Release[] = [];

/**
 * Runs `release` when the test at hand ends, or, called outside a test (top of a file, `beforeAll`), when the file
 * ends. Last registered, first released.
 */
export function onTeardown(release: Release): void {
  if (TestRunner.getCurrentTest()) onTestFinished(async () => void (await release()));
  else fileReleases.push(release);
}

/** Releases what was registered outside a test; every one runs, then the first error is thrown. */
export async function releaseFile(): Promise<void> {
  const errors: unknown[] = [];
  for (let release = fileReleases.pop(); release; release = fileReleases.pop()) {
    try {
      await release();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
