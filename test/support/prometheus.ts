import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programPath } from '../../scripts/system.mjs';
import { freePort } from './ports.js';
import { startChild } from './process.js';
import { onTeardown } from './teardown.js';
import { tempDir } from './temp.js';
import { until, within } from './until.js';

export const ALERTS_FILE = new URL('../../docker/prometheus/alerts.yml', import.meta.url).pathname;
export const ALERTS = readFileSync(ALERTS_FILE, 'utf8');

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Rule {
  readonly name: string;
  readonly query: string;
  /** `ok`, or what went wrong when it was evaluated; `unknown` before that. */
  readonly health: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly alerts: readonly { readonly annotations: Readonly<Record<string, string>> }[];
}

/** A real Prometheus, with a configuration as an operator writes it. */
export interface Prometheus {
  /** An instant query; throws what Prometheus says where it does not parse. */
  query(expression: string): Promise<Sample[]>;
  /** Whatever the HTTP API has under this path. */
  get<T>(path: string): Promise<T>;
  rules(): Promise<Rule[]>;
}

const environment = { env: { PATH: programPath() } };

export async function startPrometheus(config: string): Promise<Prometheus> {
  const dir = await tempDir();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/api/v1`;
  await writeFile(join(dir, 'prometheus.yml'), config);
  const args = [
    `--config.file=${join(dir, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = startChild('prometheus', args, environment);
  onTeardown(() => child.stop());
  const ready = async () => {
    if (!child.running) throw new Error(child.output.join('\n'));
    return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok;
  };
  await until('Prometheus to be ready (`npm test -- unit` fetches it)', ready, 20_000);

  async function get<T>(path: string): Promise<T> {
    const answer = (await (await fetch(`${url}${path}`)).json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${answer.error}: ${decodeURIComponent(path)}`);
    return answer.data;
  }

  return {
    get,
    async query(expression) {
      type Vector = { result: { metric: Record<string, string>; value: [number, string] }[] };
      const { result } = await get<Vector>(`/query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    async rules() {
      const { groups } = await get<{ groups: { rules: Rule[] }[] }>('/rules');
      return groups.flatMap(({ rules }) => rules);
    },
  };
}

/** Runs promtool to its end. */
export async function promtool(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = startChild('promtool', args, environment);
  const { code } = await within(`promtool ${args.join(' ')} to end`, child.exited, 50_000);
  return { code, output: child.output.join('\n') };
}
