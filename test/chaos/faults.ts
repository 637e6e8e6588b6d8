import type { Redis } from '../support/redis.js';
import type { Journal } from './journal.js';
import type { Experiment } from './options.js';
import { pause } from './pause.js';
import type { Replica } from './replica.js';
import { type Random, randomFrom } from './seed.js';

export interface Breakable {
  readonly replicas: readonly Replica[];
  readonly redis: Redis | undefined;
  readonly journal: Journal;
}

/** Breaks what the mode says until aborted, and ends with everything running again. @returns how often it broke it */
export async function breakRepeatedly(parts: Breakable, experiment: Experiment, signal: AbortSignal): Promise<number> {
  const random = randomFrom(experiment.seed, `faults of ${experiment.mode}`);
  const breakOnce = ONE_FAULT[experiment.mode];
  let faults = 0;
  await pause(random.between(2_000, 4_000), signal);
  while (!signal.aborted) {
    faults += await breakOnce(parts, random, faults, signal);
    await pause(random.between(2_000, 5_000), signal);
  }
  return faults;
}

type Fault = (parts: Breakable, random: Random, number: number, signal: AbortSignal) => Promise<number>;

const ONE_FAULT: Record<Experiment['mode'], Fault> = {
  async network(_parts, _random, _number, signal) {
    await pause(60_000, signal);
    return 0;
  },
  async rolling({ replicas, journal }, _random, number) {
    const index = number % replicas.length;
    journal.note(`SIGTERM to replica ${index}`);
    await replicas[index]?.stop();
    journal.note(`replica ${index} is gone`);
    await replicas[index]?.start();
    journal.note(`replica ${index} is ready`);
    return 1;
  },
  async kill({ replicas, journal }, random, _number, signal) {
    const index = Math.floor(random.next() * replicas.length);
    journal.note(`kill -9 of replica ${index}`);
    await replicas[index]?.kill9();
    await pause(random.between(500, 3_000), signal);
    await replicas[index]?.start();
    journal.note(`replica ${index} is ready`);
    return 1;
  },
  async redis({ redis, journal }, random, number, signal) {
    const kind = number % 2 === 0 ? 'SIGTERM' : 'kill -9';
    journal.note(`${kind} of Redis`);
    await (kind === 'SIGTERM' ? redis?.stop() : redis?.kill9());
    await pause(random.between(300, 4_000), signal);
    await redis?.start();
    journal.note('Redis is back');
    return 1;
  },
};
