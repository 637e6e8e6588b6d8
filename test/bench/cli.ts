import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { build } from '../../scripts/build.mjs';
import { releaseFile } from '../support/teardown.js';
import { isEnough, type Plan, parsePlan, USAGE } from './arguments.js';
import type { Figures } from './measure/statistics.js';
import { type Placement, pin } from './placement.js';
import { type Results, runsIn, summarize, tables } from './report.js';
import { isHere, type ServerName } from './servers.js';
import type { Variants } from './targets/measures.js';
import { verdictsOn, verdictTable } from './targets/verdicts.js';
import { WORKLOADS, type WorkloadName } from './workloads/all.js';
import type { Workload } from './workloads/workload.js';

/** @returns the exit status: 0, 1 when a server lost, repeated or changed something, 2 when asked for nonsense */
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
  await build();
  const placement = pin();
  const told = conditions(plan, placement);
  console.log(told);
  const summaries: Partial<Record<WorkloadName, Variants>> = {};
  const runs: Record<string, object> = {};
  const failures: string[] = [];
  for (const name of plan.workloads) {
    const workload: Workload = WORKLOADS[name];
    const results = await runAll(name, plan, placement, failures);
    const summary = summarize(results, workload);
    runs[name] = runsIn(results);
    summaries[name] = summary;
    console.log(tables(summary, workload));
  }
  const targets = verdictsOn(summaries);
  console.log(verdictTable(targets, isEnough(plan)));
  if (plan.json !== undefined) {
    const report = { conditions: told, figures: summaries, runs, targets, failures };
    writeFileSync(plan.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  for (const failure of failures) console.error(`FAIL ${failure}`);
  return failures.length === 0 ? 0 : 1;
}

/** The servers in turn, as often as there are runs: what disturbs the machine for a while disturbs all of them. */
async function runAll(name: WorkloadName, plan: Plan, placement: Placement, failures: string[]): Promise<Results> {
  const workload: Workload = WORKLOADS[name];
  const results = new Map<string, Map<ServerName, Figures[]>>();
  for (let run = 1; run <= plan.runs; run++) {
    for (const server of plan.servers ?? workload.servers.filter(isHere)) {
      process.stderr.write(`${name}, run ${run} of ${plan.runs}: ${server} (load ${load()})`);
      const began = performance.now();
      try {
        for (const [variant, figures] of await workload.run(server, { ...plan, placement })) {
          const servers = results.get(variant) ?? new Map<ServerName, Figures[]>();
          results.set(variant, servers.set(server, [...(servers.get(server) ?? []), figures]));
        }
      } catch (error) {
        failures.push(`${name}, ${server}: ${error instanceof Error ? error.message : String(error)}`);
      } finally {
        await releaseFile();
        process.stderr.write(`, ${((performance.now() - began) / 1_000).toFixed(0)} s\n`);
      }
    }
  }
  return results;
}

function conditions({ runs, notifies, warmUp }: Plan, placement: Placement): string {
  const nchan = isHere('nchan')
    ? 'nchan, in one process of nginx, checks nothing.'
    : "nchan is left out: Debian's nginx and libnginx-mod-nchan are not installed.";
  const warm = warmUp < 10_000 ? `only ${warmUp}, too few for the JIT compiler` : String(warmUp);
  return [
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, load ${load()} at the start;`,
    `${placement.description}.`,
    `The best of ${runs} runs in turn, each of ${notifies} notifies after ${warm} to warm up.`,
    `The relay checks PHP's token and its body's hash, peers the token only. ${nchan}`,
  ].join('\n');
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
