/**
 * `npm run storm -- --clients 5000` and `npm run soak -- --minutes 30`: the tests of this folder in their full form.
 * What `npm test` runs is a short one.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = join(import.meta.dirname, '..', '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { clients: { type: 'string', default: '5000' }, minutes: { type: 'string', default: '30' } },
});
const [name = ''] = positionals;
const amounts = [values.clients, values.minutes].map(Number);
if (!['storm', 'soak'].includes(name) || amounts.some((amount) => !(amount > 0))) {
  process.stderr.write('storm [--clients 5000] | soak [--minutes 30]\n');
  process.exit(2);
}
const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
const env = { ...process.env, STORM_CLIENTS: values.clients, SOAK_SECONDS: String(amounts[1] * 60) };
const args = [vitest, 'run', '--project=load', `test/load/${name}.test.ts`];
const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.once('close', (code) => {
  process.exitCode = code ?? 1;
});
