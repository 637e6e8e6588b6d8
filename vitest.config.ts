import { defineConfig } from 'vitest/config';

// Relays, browsers and databases run beside the tests: two files at a time is what a two-core machine carries,
// and what times a reconnect or kills a server runs alone.
const part = (name: string, include: string[], workers: number, timeout: number, exclude: string[] = []) => ({
  extends: true as const,
  test: {
    name,
    include,
    exclude,
    maxWorkers: workers,
    fileParallelism: workers > 1,
    testTimeout: timeout,
    hookTimeout: Math.max(timeout, 30_000),
    teardownTimeout: 20_000,
  },
});

// The commands that a newcomer runs, what the README says, and the PHP site: it makes no difference to them which Node
// runs the tests.
const product = ['start', 'demo', 'site', 'readme/*'].map((name) => `test/integration/${name}.test.ts`);

// Long, and about Redis, PHP, Prometheus, proxies and time: under a second Node of the same run they tell nothing new.
const onceOnly = ['fuzz', 'observe', 'doctor', 'backend', 'presence'].map((name) => `test/integration/${name}/**`);
const onceOnlyFiles = [
  'php-outbox',
  'redis-store',
  'redis-leases',
  'redis-cluster',
  'store.contract',
  'internal/store-away',
  'sockets/dangling',
].map((name) => `test/integration/${name}.test.ts`);
const again = process.env.OTHER_NODE ? [...onceOnly, ...onceOnlyFiles] : [];

// The README's pictures are made by a test, since all that they show must be up for it; only when asked for.
const pictures = process.env.SCREENSHOTS ? ['test/browser/screenshots.ts'] : [];

export default defineConfig({
  test: {
    pool: 'forks',
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/setup.ts'],
    slowTestThreshold: 2_000,
    expect: { poll: { timeout: 5_000, interval: 20 } },
    projects: [
      part('unit', ['test/unit/**/*.test.ts', 'test/contract/**/*.test.ts'], 2, 10_000),
      part('integration', ['test/integration/**/*.test.ts'], 2, 20_000, [
        'test/integration/legacy/**',
        ...product,
        ...again,
      ]),
      // A PHP process for each of thousands of messages: a part of its own, so that the others stay quick to repeat.
      part('legacy', ['test/integration/legacy/**/*.test.ts'], 2, 30_000),
      part('product', product, 1, 30_000),
      part('browser', ['test/browser/**/*.test.ts', ...pictures], 2, 60_000),
      part('load', ['test/load/**/*.test.ts'], 1, 180_000),
      part('chaos', ['test/chaos/**/*.test.ts'], 1, 180_000),
    ],
  },
});
