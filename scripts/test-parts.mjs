import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from './build.mjs';

// Longer than any part takes on two cores; a part that hangs must not take the others' results along.
const LIMIT_MS = 12 * 60_000;
// Of an error: what was expected and got, and where in the test.
const FAILURE_LINES = 12;

/** The relay's own quick tests under another Node, which npm brings. */
export async function nodePart({ version, scratch }) {
  const node = await nodeBinary(version);
  return await vitestPart({ projects: ['unit', 'integration'], node, scratch, env: { OTHER_NODE: '1' } });
}

/** Runs projects of vitest.config.ts under `node` (a path). */
export async function vitestPart({ projects, node, scratch, env = {} }) {
  const report = join(scratch, `${projects.join('-')}-${process.hrtime.bigint()}.json`);
  const names = projects.map((project) => `--project=${project}`);
  const outputs = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const { code } = await show(node, [vitest, 'run', ...names, ...outputs, '--passWithNoTests'], env);

  const said = JSON.parse(readFileSync(report, 'utf8'));
  // A file may fail with no failed test in it: it does not load, or leaves something running.
  const files = said.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((one) => one.status === 'failed'),
  );
  const failed = said.numFailedTests + files.length;
  const failures = said.testResults.flatMap(failuresOf);
  if (failed === 0 && code !== 0) failures.push(`vitest ended with ${code}, though no test failed`);
  return {
    passed: said.numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: said.numPendingTests + said.numTodoTests,
    failures,
  };
}

/** What failed in one file of vitest's JSON report: which test, and the first lines of why. */
function failuresOf({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((one) => one.status === 'failed');
  if (status === 'failed' && failed.length === 0) {
    failed.push({ fullName: 'the file', failureMessages: [message ?? ''] });
  }
  return failed.map(({ fullName, failureMessages }) => {
    const why = failureMessages.join('\n').split('\n');
    const ours = why.filter((line) => !line.includes('node_modules'));
    return [`${relative(ROOT, name)}: ${fullName}`, ...ours.slice(0, FAILURE_LINES)].join('\n      ');
  });
}

/** Runs the tests of php-bridge/, whose last line is the count. */
export async function phpPart() {
  const { code, lines } = await show('php', [join(ROOT, 'php-bridge', 'tests', 'run.php')]);
  const count = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(lines.at(-1) ?? '');
  if (!count) return { failed: 1, why: `the PHP tests ended (${code}) without their count` };
  const [passed, failed, skipped] = count.slice(1).map((digits) => Number(digits ?? 0));
  const failures = lines.filter((line) => line.startsWith('FAIL  ')).map((line) => line.slice(6));
  return { passed, failed: failed === 0 && code !== 0 ? 1 : failed, skipped, failures };
}

/** The path of that version's binary, which npm brings and keeps. */
async function nodeBinary(version) {
  const args = ['exec', '--yes', `--package=node@${version}`, '--', 'node', '-p', 'process.execPath'];
  const { code, lines } = await show('npm', args);
  if (code !== 0) throw new Error(`npm could not bring Node ${version}: what it says is above`);
  return lines.at(-1);
}

/** Runs a program whose output is seen as it comes, and kept line by line. */
async function show(command, args, added = {}) {
  const env = { ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}), ...process.env, ...added };
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 2] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
    process.stdout.write(text);
  });
  const limit = setTimeout(() => {
    console.error(`\nstopped after ${LIMIT_MS / 60_000} minutes: ${command} ${args.join(' ')}`);
    child.kill('SIGKILL');
  }, LIMIT_MS);
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  clearTimeout(limit);
  return { code, lines: out.trimEnd().split('\n') };
}
