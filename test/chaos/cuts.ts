import type { Browser } from './browser.js';
import type { Experiment } from './options.js';
import { pause } from './pause.js';
import { randomFrom } from './seed.js';

/** One cut in ten comes again while the page is still coming back. */
const SOON_AGAIN = 0.1;
const SOON_AGAIN_WITHIN_MS = 1_500;

/** Cuts a browser off again and again until aborted, and leaves it with a network. @returns how often */
export async function cutRepeatedly(browser: Browser, experiment: Experiment, signal: AbortSignal): Promise<number> {
  const random = randomFrom(experiment.seed, `cuts of ${browser.name}`);
  const around = (seconds: number): number => seconds * 1_000 * random.between(0.5, 1.5);
  let cuts = 0;
  // The first cuts are spread over a whole interval, so that they do not come in one wave.
  await pause(experiment.cutEvery * 1_000 * random.next(), signal);
  while (!signal.aborted) {
    const kind = random.next() < experiment.halfOpen ? 'half-open' : 'reset';
    const refuseMs = around(experiment.refuseFor);
    for (const { line, journal } of browser.tabs) {
      journal.note(`cut: ${kind}, refused for ${Math.round(refuseMs)} ms`);
      line.refuse(true);
      line.cut(kind);
    }
    cuts += 1;
    await pause(refuseMs, signal);
    for (const { line } of browser.tabs) {
      line.refuse(false);
    }
    const soon = random.next() < SOON_AGAIN;
    await pause(soon ? random.between(0, SOON_AGAIN_WITHIN_MS) : around(experiment.cutEvery) - refuseMs, signal);
  }
  return cuts;
}
