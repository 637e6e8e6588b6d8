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

/** Every run's figures, the first run first, as JSON can hold them. */
export function runsIn(results: Results): object {
  return Object.fromEntries([...results].map(([variant, servers]) => [variant, Object.fromEntries(servers)]));
}

export type Summary = Readonly<Partial<Record<ServerName, Figures>>>;

/** All tables of a workload in Markdown: one a variant; where there is one server only, one with a row a variant. */
export function tables(summaries: Readonly<Record<string, Summary>>, { title, columns }: Workload): string {
  const variants = Object.entries(summaries);
  const [server, ...others] = new Set(variants.flatMap(([, summary]) => namesIn(summary)));
  if (server !== undefined && others.length === 0) {
    const rows = variants.map(([variant, summary]): Row => [variant, summary[server] ?? {}]);
    return `\n## ${title}: ${SERVERS[server].title}\n\n${table(rows, columns, undefined)}`;
  }
  return variants
    .map(([variant, summary]) => {
      const rows = namesIn(summary).map((name): Row => [SERVERS[name].title, summary[name] ?? {}]);
      return `\n## ${title}: ${variant}\n\n${table(rows, columns, summary.relay)}`;
    })
    .join('\n');
}

function namesIn(summary: Summary): ServerName[] {
  return Object.keys(summary) as ServerName[];
}

type Row = readonly [title: string, figures: Figures];

const SATURATED = '**!**';
const WARNING = `${SATURATED} The generator was saturated: times and rates of this row are its own, not the server's; CPU figures hold.`;

/** A compared column is followed by what the relay needs for each 1 of that row. */
function table(rows: readonly Row[], columns: readonly Column[], relay: Figures | undefined): string {
  const comparing = ({ compared }: Column) => compared === true && relay !== undefined;
  const titles = ['', ...columns.flatMap((column) => [column.title, ...(comparing(column) ? ['relay ÷ it'] : [])])];
  const rule = titles.map((_, index) => (index === 0 ? '---' : '---:'));
  const cells = rows.map(([title, figures]) => [
    title,
    ...columns.flatMap((column) => [
      shown(column, figures),
      ...(comparing(column) ? [ratio(column, figures, relay)] : []),
    ]),
  ]);
  const lines = [titles, rule, ...cells].map((row) => `| ${row.join(' | ')} |`);
  return [...lines, ...(lines.some((line) => line.includes(SATURATED)) ? ['', WARNING] : [])].join('\n');
}

function shown({ name, digits, saturatedFrom = Number.POSITIVE_INFINITY }: Column, figures: Figures): string {
  const value = figures[name];
  if (value === undefined) return '';
  return value < saturatedFrom ? value.toFixed(digits) : `${value.toFixed(digits)} ${SATURATED}`;
}

/** Of nothing, as where less than a tick of the processor's clock was used, nothing is a multiple. */
function ratio({ name }: Column, figures: Figures, relay: Figures | undefined): string {
  const [own, value] = [relay?.[name], figures[name]];
  return own === undefined || !value ? '' : (own / value).toFixed(2);
}
