import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { releaseFile } from '../support/teardown.js';
import { type Plan, parsePlan, USAGE } from './arguments.js';
import { evidence } from './evidence.js';
import { run } from './experiment.js';
import type { Experiment } from './options.js';
import { broken, type Figures, figures, table } from './report.js';

/** @returns the exit status: 0 when the relay kept its promises, 1 when not, 2 when asked for nonsense */
export async function main(args: readonly string[]): Promise<number> {
  let plan: Plan;
  try {
    plan = parsePlan(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  const interrupted = (): void => void releaseFile().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);

  const runs: Figures[] = [];
  const evidences: string[] = [];
  const failures: string[] = [];
  for (const experiment of plan.experiments) {
    const name = `${experiment.server} ${experiment.page} ${experiment.mode} ${experiment.identity}`;
    process.stderr.write(`${name}: ${experiment.clients} clients, ${experiment.seconds} s\n`);
    try {
      const outcome = await run(experiment);
      const result = figures(outcome);
      runs.push(result);
      evidences.push(evidence(outcome));
      failures.push(...broken(result).map((what) => `${name}: ${what}`));
      writeLogs(
        experiment,
        name,
        outcome.replicas.map((replica) => replica.output()),
      );
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      await releaseFile();
    }
  }

  process.stdout.write(`${table(runs)}\n`);
  if (plan.json !== undefined) {
    writeFileSync(plan.json, `${JSON.stringify(runs, undefined, 2)}\n`);
  }
  if (plan.evidence !== undefined) {
    writeFileSync(plan.evidence, evidences.filter((text) => text !== '').join('\n'));
  }
  process.stderr.write(failures.map((what) => `FAIL ${what}\n`).join(''));
  return failures.length === 0 ? 0 : 1;
}

function writeLogs({ logs }: Experiment, name: string, outputs: readonly string[][]): void {
  if (logs === undefined) {
    return;
  }
  mkdirSync(logs, { recursive: true });
  outputs.forEach((lines, index) => {
    writeFileSync(join(logs, `${name.replaceAll(' ', '-')}-${index}.log`), `${lines.join('\n')}\n`);
  });
}
