import { createViteServer } from 'vitest/node';

/**
 * Runs `main` of the `cli.ts` in a folder with this process's arguments. Node 20 cannot run TypeScript, and Vitest,
 * which the tests need anyway, brings a loader that can.
 */
export async function runCli(folder) {
  const loader = await createViteServer({
    root: folder,
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
}
