import { bestOf, type Figures } from './measure/statistics.js';
import { SERVERS, type ServerName } from './servers.js';
import type { Column, Workload } from './workloads/workload.js';

/** What all runs of a workload gave: by variant and server, one entry a run. */
export type Results = ReadonlyMap<string, ReadonlyMap<ServerName, readonly Figures[]>>;

/** The best figures of each server, by variant. */
export function summarize(results: Results, { columns }: Workload): Readonly<Record<string, Summary>> {
  const largest = new Set(columns.filter((column) => column.largest).map(({ name }) => name));
  return Object.fromEntries(
    [...results].map(([variant, servers]) => [
      variant,
      Object.fromEntries([...servers].map(([server, runs]) => [server, bestOf(runs, largest)])),
    ]),
  );
}

export type Summary = Readonly<Partial<Record<ServerName, Figures>>>;

/** A Markdown table: a row a server; a compared column is followed by what the relay needs for each 1 of that server. */
export function table(summary: Summary, { columns }: Workload): string {
  const relay = summary.relay;
  const servers = Object.entries(summary) as [ServerName, Figures][];
  const rows = servers.map(([server, figures]) => [
    SERVERS[server].title,
    ...columns.flatMap((column) => cells(column, figures, relay)),
  ]);
  const titles = ['', ...columns.flatMap(({ title, compared }) => (compared ? [title, 'relay ÷ it'] : [title]))];
  const rule = titles.map((_, index) => (index === 0 ? '---' : '---:'));
  return [titles, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function cells({ name, digits, compared }: Column, figures: Figures, relay: Figures | undefined): string[] {
  const value = figures[name];
  const shown = value === undefined ? '' : value.toFixed(digits);
  if (!compared) return [shown];
  const own = relay?.[name];
  return [shown, own === undefined || value === undefined ? '' : (own / value).toFixed(2)];
}
