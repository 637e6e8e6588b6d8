import type { Outcome } from './experiment.js';
import type { Experiment } from './options.js';

/** The figures of one run. Times in milliseconds. */
export interface Figures {
  readonly server: Experiment['server'];
  readonly page: Experiment['page'];
  readonly mode: Experiment['mode'];
  readonly identity: Experiment['identity'];
  readonly through: Experiment['through'];
  readonly clients: number;
  readonly seconds: number;
  readonly seed: number;
  readonly messages: number;
  /** Messages × tabs that are to be shown them. */
  readonly expected: number;
  readonly shown: number;
  readonly lost: number;
  readonly repeated: number;
  /** The same of tabs that are the only one of their browser. */
  readonly alone: { readonly shown: number; readonly repeated: number };
  /** Of the repeated, what no lost pong explains; of browsers with one tab, since two can't be told apart. */
  readonly unexplained: number;
  /** Repeats that the relay's client did not show. */
  readonly suppressed: number;
  readonly outOfOrder: number;
  readonly neverBack: number;
  /** Messages that were never answered 200. */
  readonly notAccepted: number;
  /** From a reconnect with something to catch up to having caught up. */
  readonly replays: { readonly count: number; readonly p50: number; readonly p99: number };
  readonly cuts: number;
  readonly faults: number;
  readonly answers: Record<string, number>;
  readonly oddities: Record<string, number>;
}

/** A lost pong explains this much of what an unmodified page is shown twice (CONTRACT.md section 8). */
const REPEATED_AT_MOST = 0.005;
/**
 * Two tabs of one browser can't be told apart: whichever comes back first is served from where the other stood. A fifth
 * of the tabs here share a browser, and repeat so much more.
 */
const SHARED = 2;
/** Where other tests take the processor, a pong takes ten times as long; what it does not explain stays a fault. */
export const REPEATED_WHEN_BUSY = 0.05;

export function figures({ experiment, ledger, tabs, neverBack, cuts, faults, answers }: Outcome): Figures {
  const { server, page, mode, identity, through, clients, seconds, seed } = experiment;
  const { accounts } = ledger;
  const sum = (of: (account: (typeof accounts)[number]) => number): number =>
    accounts.reduce((total, account) => total + of(account), 0);
  const ofAlone = (of: (account: (typeof accounts)[number]) => number): number =>
    tabs.filter(({ alone }) => alone).reduce((total, { account }) => total + of(account), 0);
  const shown = ledger.firstShowings();
  const lost = ledger.missing();
  const replays = accounts.flatMap((account) => account.replays).sort((left, right) => left - right);
  const quantile = (share: number): number => Math.round(replays[Math.floor(share * (replays.length - 1))] ?? 0);
  const oddities = new Map<string, number>();
  for (const [what, times] of tabs.flatMap((tab) => [...tab.page.oddities])) {
    oddities.set(what, (oddities.get(what) ?? 0) + times);
  }
  return {
    ...{ server, page, mode, identity, through, clients, seconds, seed, messages: ledger.sent.size },
    ...{ expected: shown + lost, shown, lost, neverBack: neverBack.length, cuts, faults },
    repeated: sum((account) => account.repeated.length),
    alone: {
      shown: ofAlone((account) => account.shown.size),
      repeated: ofAlone((account) => account.repeated.length),
    },
    unexplained: ofAlone((account) => account.unexplained.length),
    suppressed: tabs.reduce((total, tab) => total + tab.page.suppressed(), 0),
    outOfOrder: sum((account) => account.outOfOrder.length),
    notAccepted: [...ledger.sent.values()].filter(({ acceptedAt }) => acceptedAt === undefined).length,
    replays: { count: replays.length, p50: quantile(0.5), p99: quantile(0.99) },
    answers: Object.fromEntries(answers),
    oddities: Object.fromEntries(oddities),
  };
}

/** What the relay promises and this run did not see; of a peer nothing is promised. */
export function broken(run: Figures, repeatedAtMost = REPEATED_AT_MOST): string[] {
  if (run.server !== 'relay') {
    return [];
  }
  const share = run.page === 'relay-client' ? 0 : repeatedAtMost;
  const [alone, all] = [Math.floor(run.alone.shown * share), Math.floor(run.expected * share * SHARED)];
  const failures: [boolean, string][] = [
    [run.shown === 0, 'nothing was shown'],
    [run.lost > 0, `${run.lost} lost`],
    [run.outOfOrder > 0, `${run.outOfOrder} out of order`],
    [run.neverBack > 0, `${run.neverBack} pages never came back`],
    [run.notAccepted > 0, `${run.notAccepted} messages never accepted`],
    [run.unexplained > 0, `${run.unexplained} repeated that had been confirmed`],
    [run.alone.repeated > alone, `${run.alone.repeated} repeated on tabs without a sibling, more than ${alone}`],
    [run.repeated > all, `${run.repeated} repeated, more than ${all}`],
    [run.mode !== 'network' && run.faults === 0, 'nothing was broken'],
  ];
  const odd = Object.entries(run.oddities).map(([what, times]) => `${times} × ${what}`);
  return [...failures.filter(([failed]) => failed).map(([, what]) => what), ...odd];
}

const COLUMNS: readonly [string, (run: Figures) => string][] = [
  ['server', (run) => run.server],
  ['page', (run) => run.page],
  ['mode', (run) => (run.through === 'nginx' ? `${run.mode}, nginx` : run.mode)],
  ['identity', (run) => (run.server === 'relay' ? run.identity : '–')],
  ['clients', (run) => String(run.clients)],
  ['cuts', (run) => String(run.cuts)],
  ['faults', (run) => String(run.faults)],
  ['expected', (run) => String(run.expected)],
  ['shown', (run) => percent(run.shown, run.expected)],
  ['lost', (run) => String(run.lost)],
  ['repeated', (run) => `${run.repeated} (${percent(run.repeated, run.expected)})`],
  ['alone', (run) => percent(run.alone.repeated, run.alone.shown)],
  ['out of order', (run) => String(run.outOfOrder)],
  ['replay p50', (run) => replay(run, run.replays.p50)],
  ['p99', (run) => replay(run, run.replays.p99)],
  ['never back', (run) => String(run.neverBack)],
];

export function table(runs: readonly Figures[]): string {
  const rows = [COLUMNS.map(([head]) => head), ...runs.map((run) => COLUMNS.map(([, cell]) => cell(run)))];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function replay({ replays }: Figures, milliseconds: number): string {
  return replays.count === 0 ? '–' : `${milliseconds} ms`;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`;
}
