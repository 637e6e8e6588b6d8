import { describe, expect, test } from 'vitest';
import { evidence } from './evidence.js';
import { run } from './experiment.js';
import { type Experiment, SHORT } from './options.js';
import { broken, figures, REPEATED_WHEN_BUSY } from './report.js';

/** All modes, pages and identities; `npm run chaos` has them in every combination, larger and longer. */
const runs: readonly Partial<Experiment>[] = [
  { mode: 'network', identity: 'session', page: 'unmodified' },
  { mode: 'rolling', identity: 'session', page: 'unmodified', through: 'nginx', replicas: 3, clients: 60 },
  { mode: 'kill', identity: 'session', page: 'unmodified' },
  { mode: 'kill', identity: 'token', page: 'relay-client' },
  { mode: 'redis', identity: 'claim', page: 'unmodified' },
];
const SECONDS = 20;

describe('every page is shown every message, in order, whatever dies', () => {
  test.each(runs)('$mode, $identity, $page', async (part) => {
    const outcome = await run({ ...SHORT, seconds: SECONDS, ...part });
    expect(broken(figures(outcome), REPEATED_WHEN_BUSY), evidence(outcome).slice(0, 20_000)).toEqual([]);
  });
});

test('the harness sees a loss: stock Socket.IO is deaf to a page that registers once', async () => {
  const outcome = await run({ ...SHORT, server: 'stock', clients: 40, seconds: 15, cutEvery: 5 });
  const { shown, lost, neverBack } = figures(outcome);
  expect(shown).toBeGreaterThan(0);
  expect(lost).toBeGreaterThan(shown);
  expect(neverBack).toBeGreaterThan(0);
});
