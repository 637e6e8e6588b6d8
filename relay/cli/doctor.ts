import { parseArgs, styleText } from 'node:util';
import { reasonOf } from './ask.js';
import { ChainError, type ChainOptions, chainOf } from './chain.js';
import { parseSettings, readEnvironment, reportProblems } from './environment.js';
import { examine } from './examine.js';
import { type Finding, fail, type Verdict } from './finding.js';

const USAGE = `usage: relay doctor [--url https://host:3000] [--internal http://127.0.0.1:3001 | unix:/path]
         [--origin https://www.example.org] [--page URL] [--slow] [--json]`;
const EX_USAGE = 64;

const OPTIONS = {
  url: { type: 'string' },
  internal: { type: 'string' },
  origin: { type: 'string' },
  page: { type: 'string' },
  slow: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** `relay doctor`: walks the whole chain from outside, a line a check. 1 on a FAIL. */
export async function doctor(args: readonly string[]): Promise<number> {
  try {
    const { json = false, ...options } = parseArgs({ args: [...args], options: OPTIONS }).values;
    return await run(options, json);
  } catch (error) {
    if (error instanceof ChainError) return usage(error.message);
    if (error instanceof TypeError && 'code' in error) return usage(error.message);
    return reportProblems(error);
  }
}

async function run(options: ChainOptions, json: boolean): Promise<number> {
  const env = readEnvironment();
  const chain = chainOf(options, parseSettings(env).config, env);
  const findings: Finding[] = [];
  const tell = (finding: Finding) => {
    findings.push(finding);
    if (!json && finding.verdict !== 'unchecked') process.stdout.write(`${show(finding)}\n`);
  };
  // what a check expects to fail it tells itself: this is a chain that breaks while it is looked at
  await examine(chain, tell).catch((error: unknown) => tell(fail('doctor', `broken off: ${reasonOf(error)}`)));
  const failed = findings.some(({ verdict }) => verdict === 'FAIL');
  process.stdout.write(`${json ? JSON.stringify(report(findings, failed), undefined, 2) : closing(findings)}\n`);
  return failed ? 1 : 0;
}

function report(findings: readonly Finding[], failed: boolean): object {
  const checks = findings.filter(({ verdict }) => verdict !== 'unchecked');
  const unchecked = findings.filter(({ verdict }) => verdict === 'unchecked');
  return { ok: !failed, checks, unchecked: unchecked.map(({ check, message }) => ({ check, message })) };
}

/** One line, and below it those to paste, indented. */
function show({ check, verdict, message, mend }: Finding): string {
  return [`${coloured(verdict)}  ${check.padEnd(17)} ${message}`, ...mend.map((line) => `          ${line}`)].join(
    '\n',
  );
}

function closing(findings: readonly Finding[]): string {
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  const unchecked = findings.filter(({ verdict }) => verdict === 'unchecked');
  return [
    '',
    `${count('ok')} ok, ${count('warn')} warn, ${count('FAIL')} FAIL`,
    ...unchecked.map(({ check, message }) => `not checked: ${check}: ${message}`),
  ].join('\n');
}

const COLOURS = { ok: 'green', warn: 'yellow', FAIL: 'red', unchecked: 'gray' } as const;

function coloured(verdict: Verdict): string {
  const word = verdict.padEnd(4);
  return process.stdout.isTTY === true && !process.env.NO_COLOR ? styleText(COLOURS[verdict], word) : word;
}

function usage(problem: string): number {
  process.stderr.write(`relay doctor: ${problem}\n${USAGE}\n`);
  return EX_USAGE;
}
