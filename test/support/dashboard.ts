import { readFileSync } from 'node:fs';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Variable {
  readonly name: string;
  readonly query: string | { readonly query: string };
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

const FILE = new URL('../../docker/grafana/dashboards/relay.json', import.meta.url);

/** What Grafana is given to show. */
export const DASHBOARD = JSON.parse(readFileSync(FILE, 'utf8')) as Dashboard;

export interface Query {
  /** The panel's title and the legend of the line. */
  readonly name: string;
  /** As it is written, with Grafana's variables. */
  readonly expr: string;
  readonly legend: string;
}

/** Every query of every panel. */
export const QUERIES: readonly Query[] = DASHBOARD.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({ name: `${title}: ${legendFormat}`, expr, legend: legendFormat })),
);

/** The query that Grafana would send, with all replicas chosen and this window for rates. */
export function filled({ expr }: Query, window: string): string {
  const sent = expr.replaceAll('$__rate_interval', window).replaceAll('$replica', '.*');
  if (sent.includes('$')) throw new Error(`a variable that Grafana would not know: ${expr}`);
  return sent;
}
