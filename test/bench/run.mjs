/**
 * `npm run bench -- …`: starts cli.ts, on the second processor where the system lets it choose, so that the servers
 * have the first one to themselves. Node 20 cannot run TypeScript, and Vitest, which the tests need anyway, brings a
 * loader that can.
 */
import { createViteServer } from 'vitest/node';

const loader = await createViteServer({
  root: import.meta.dirname,
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
try {
  const { main } = await loader.ssrLoadModule('./cli.ts');
  process.exitCode = await main(process.argv.slice(2));
} finally {
  await loader.close();
}
