import type { Tab } from './browser.js';
import type { Outcome } from './experiment.js';
import type { Journal } from './journal.js';

const TABS_AT_MOST = 12;

/**
 * What happened to the tabs that were shown something wrong, beside what happened to the replicas at that time: the
 * text to read when a run fails. Empty when nothing did.
 */
export function evidence({ tabs, journal, ledger, neverBack, experiment }: Outcome): string {
  const wrong = tabs.filter(({ account, page }) => {
    const { missing, outOfOrder, repeated } = account;
    const counts = [missing.size, outOfOrder.length, repeated.length, page.oddities.size];
    return counts.some((count) => count > 0) || neverBack.includes(account.tab);
  });
  const severity = ({ account: { missing, outOfOrder, unexplained, tab } }: Tab): number =>
    [neverBack.includes(tab), missing.size > 0, outOfOrder.length > 0, unexplained.length > 0].indexOf(true) >>> 0;
  wrong.sort((left, right) => severity(left) - severity(right));
  if (wrong.length === 0) {
    return '';
  }
  const start = Math.min(...tabs.flatMap((tab) => tab.journal.entries[0]?.at ?? []));
  const seconds = (at: number): string => ((at - start) / 1_000).toFixed(3).padStart(8);
  const tell = ({ account, journal: own }: Tab): string => {
    const posts = [...ledger.sent.values()].filter(
      ({ id }) => account.missing.has(id) || account.repeated.includes(id),
    );
    const lines = [
      ...entries(own, '  '),
      ...entries(journal, '* '),
      ...posts.map(({ id, postedAt }) => ({ at: postedAt, text: `> posted ${id}` })),
      ...posts.flatMap(({ id, acceptedAt }) =>
        acceptedAt === undefined ? [] : { at: acceptedAt, text: `> accepted ${id}` },
      ),
    ].sort((left, right) => left.at - right.at);
    const head = [
      `${account.tab} of user ${account.user}`,
      `missing ${[...account.missing].join(' ') || 'none'}`,
      `out of order ${account.outOfOrder.join(' ') || 'none'}`,
      `repeated ${account.repeated.join(' ') || 'none'}`,
      `of these unexplained ${account.unexplained.join(' ') || 'none'}`,
    ].join('; ');
    return [head, ...lines.map(({ at, text }) => `${seconds(at)} ${text}`)].join('\n');
  };
  const { server, page, mode, identity, seed } = experiment;
  const title = `${server} ${page} ${mode} ${identity}, seed ${seed}: ${wrong.length} tabs`;
  return `${[title, ...wrong.slice(0, TABS_AT_MOST).map(tell)].join('\n\n')}\n`;
}

function entries(journal: Journal, mark: string): { at: number; text: string }[] {
  return journal.entries.map(({ at, what }) => ({ at, text: `${mark}${what}` }));
}
