import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, isStale, ROOT } from './build.mjs';
import { installPackages, packagesMissing } from './packages.mjs';
import { ensurePrograms } from './system.mjs';
import { nodePart, phpPart, vitestPart } from './test-parts.mjs';

const args = process.argv.slice(2);
const only = args.filter((arg) => !arg.startsWith('--'));
const nodes = args.filter((arg) => arg.startsWith('--nodes=')).flatMap((arg) => arg.slice(8).split(','));
// Servers are kept here by Debian, and it is not on the PATH of everyone.
process.env.PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
process.chdir(ROOT);

const results = [];
const scratch = mkdtempSync(join(tmpdir(), 'relay-test-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const parts = {
  unit: vitest('unit'),
  integration: vitest('integration'),
  legacy: vitest('legacy'),
  php: phpPart,
  product: vitest('product'),
  browser: vitest('browser'),
  load: vitest('load'),
  chaos: vitest('chaos'),
};

if (await part('preparation', prepare)) {
  // Where it fails, the tests that need no relay are still worth their answer.
  await part('build', compile);
  for (const name of only.length > 0 ? only : Object.keys(parts)) await part(name, parts[name] ?? unknown);
  for (const version of nodes) {
    await part(`node ${version}`, () => nodePart({ version, scratch }));
  }
}
process.exitCode = summarise();

async function prepare() {
  if (packagesMissing(ROOT, { dev: true })) await installPackages(ROOT, { dev: true });
  const missing = ensurePrograms(console.error);
  if (missing.length > 0) return { failed: missing.length, why: missing.join('\n') };
  return {};
}

async function compile() {
  if (isStale()) await build();
  return {};
}

async function unknown() {
  throw new Error(`there is no such part: ${Object.keys(parts).join(', ')}`);
}

function vitest(project) {
  return () => vitestPart({ projects: [project], node: process.execPath, scratch });
}

async function part(name, run) {
  const start = performance.now();
  const counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
  try {
    Object.assign(counts, await run());
  } catch (error) {
    Object.assign(counts, { failed: 1, why: error.message });
  }
  if (counts.why) {
    console.error(`\n${name}: ${counts.why}\n`);
    counts.failures.push(counts.why);
  }
  results.push({ name, ...counts, seconds: (performance.now() - start) / 1000 });
  return counts.failed === 0;
}

function summarise() {
  const sum = (key) => results.reduce((total, one) => total + one[key], 0);
  console.log('');
  for (const { name, passed, failed, skipped, seconds } of results) {
    const skips = skipped > 0 ? `, ${skipped} skipped` : '';
    console.log(
      `${name.padEnd(14)} ${`${seconds.toFixed(1)} s`.padStart(9)}   ${passed} passed, ${failed} failed${skips}`,
    );
  }
  // Once more, since what a part says of them lies far above.
  for (const { name, failures } of results) {
    for (const failure of failures) console.log(`\nFAIL - ${name}: ${failure}`);
  }
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map(sum);
  if (passed === 0 && failed === 0) console.error('\nNo test ran.');
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed > 0 || passed === 0 ? 1 : 0;
}
