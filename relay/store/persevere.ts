import { RelayError } from '../errors.js';

/** Between attempts while the store is away, milliseconds. */
const RETRY = 500;

/** Attempts until the store is there; `undefined` when it is over before. Any other error is thrown. */
export async function persevere<T>(
  attempt: () => Promise<T>,
  { over, onAway }: { over: () => boolean; onAway: (error: RelayError) => void },
): Promise<T | undefined> {
  while (!over()) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof RelayError) || error.code !== 'store_unavailable') throw error;
      onAway(error);
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }
  return undefined;
}
