// What `GET /stats` says.

import { byId, element, fillPairs, fillTable, setText } from './elements.js';
import { age, clock, count, latency, megabytes, percent, rate, short, sum } from './words.js';

const CAUSES = [
  ['rejected', 'Refusals by cause', 'nothing was refused'],
  ['disconnects', 'Disconnects by reason', 'no socket has ended'],
  ['duplicates', 'Duplicates by kind', 'nothing came twice'],
  ['notifies', 'Notify calls by status', 'PHP has not called'],
];

export function showStats(stats) {
  const { now, replica, version, since, draining } = stats;
  setText(
    byId('about'),
    `replica ${short(replica)} · ${version} · up ${age(since, now)}${draining ? ' · draining' : ''}`,
  );
  setText(byId('updated'), `as of ${clock(now)}`);
  fillPairs(byId('figures'), figuresOf(stats));
  showReplicas(stats);
  fillPairs(byId('store'), storeOf(stats.store));
  showCauses(stats.totals);
}

function figuresOf({ connections, users, unconfirmed, per_second: perSecond, latency: took, busy, memory, totals }) {
  const byTransport = Object.entries(connections).map(([transport, open]) => `${count(open)} ${transport}`);
  const minute = ({ count: measured }) => `${count(measured)} in the last minute`;
  const bad = (value) => (value > 0 ? 'warn' : '');
  const both = ({ p50, p99 }) => `${latency(p50)} · ${latency(p99)}`;
  return [
    ['Connections', count(sum(connections)), byTransport.join(', ')],
    ['Users', count(users), 'with a socket here'],
    ['Notifies a second', rate(perSecond.notifies), `${count(sum(totals.notifies))} in all`],
    ['Delivered a second', rate(perSecond.delivered), `${count(totals.delivered)} in all`],
    ['Delivery, p50 · p99', both(took.deliver), minute(took.deliver)],
    ['Confirmation, p50 · p99', both(took.confirm), minute(took.confirm)],
    ['Unconfirmed', count(unconfirmed), 'written, not yet confirmed'],
    ['Replayed', count(totals.replayed), 'after a reconnect'],
    ['Duplicates suppressed', count(sum(totals.duplicates)), 'shown to nobody twice'],
    ['Refusals', count(sum(totals.rejected)), 'by cause below'],
    ['Disconnects', count(sum(totals.disconnects)), 'by reason below'],
    ['Slow consumers', count(totals.slow_consumers), 'closed', bad(totals.slow_consumers)],
    ['Backend failures', count(totals.backend_failures), 'calls of PHP', bad(totals.backend_failures)],
    ['Identity mismatches', count(totals.identity_mismatches), 'claims', bad(totals.identity_mismatches)],
    ['Event loop', percent(busy), 'of its time at work'],
    ['Memory', megabytes(memory), 'resident'],
  ];
}

function showReplicas({ replicas, now }) {
  const rows = replicas.map(({ id, self, since, load }) => {
    const name = `${short(id)}${self ? ' (this one)' : ''}`;
    if (load === null) return [name, age(since, now), '–', '–', '–', '–', '–', '–'];
    const { sockets, users, notifies_per_second: notifies, busy, memory, version } = load;
    return [
      name,
      age(since, now),
      count(sockets),
      count(users),
      rate(notifies),
      percent(busy),
      megabytes(memory),
      version,
    ];
  });
  const all = (field) => replicas.reduce((sumSoFar, { load }) => sumSoFar + (load?.[field] ?? 0), 0);
  const total = [
    'all',
    '',
    count(all('sockets')),
    '',
    rate(all('notifies_per_second')),
    '',
    megabytes(all('memory')),
    '',
  ];
  const titles = ['Replica', 'Age', 'Sockets', 'Users', 'Notifies/s', 'Busy', 'Memory', 'Version'];
  fillTable(byId('replicas'), titles, rows.length > 1 ? [...rows, total] : rows);
}

function storeOf({ kind, up, reason, probe_seconds: probe, persistence }) {
  const state = [
    ['Kind', kind === 'redis' ? 'Redis' : 'in memory', kind === 'redis' ? '' : 'one process; a restart forgets it'],
    ['State', up ? 'up' : 'down', reason, up ? 'good' : 'bad'],
  ];
  if (kind !== 'redis') return state;
  return [...state, ['Last probe', latency(probe), 'through the publish path and back'], ...persistenceOf(persistence)];
}

function persistenceOf(persistence) {
  if (persistence === null) return [['Persistence', 'unknown', 'Redis did not say']];
  const {
    aof_enabled: aof,
    aof_fsync: fsync,
    aof_ok: aofWritten,
    aof_rewrite_ok: aofRewritten,
    rdb_enabled: rdb,
    rdb_ok: rdbOk,
    maxmemory_policy: full,
  } = persistence;
  const aofOk = aofWritten && aofRewritten;
  const words = (on, well, how) => (on ? `on${how}${well ? '' : ', failing'}` : 'off');
  return [
    ['Append-only file', words(aof, aofOk, fsync ? `, ${fsync}` : ''), '', aof && aofOk ? 'good' : 'warn'],
    ['Snapshots', rdb === null ? 'unknown' : words(rdb, rdbOk, ''), '', rdb && !rdbOk ? 'warn' : ''],
    ['When memory is full', full ?? 'unknown', '', full === null || full === 'noeviction' ? '' : 'bad'],
  ];
}

function showCauses(totals) {
  const parent = byId('causes');
  if (parent.children.length === 0) {
    for (const [, title] of CAUSES) {
      const list = element('dl', { className: 'pairs' });
      parent.append(
        element('div', { className: 'card' }, element('h2', {}, title), list, element('p', { className: 'soft' })),
      );
    }
  }
  for (const [index, [name, , none]] of CAUSES.entries()) {
    const [, list, empty] = parent.children[index].children;
    const counted = Object.entries(totals[name]).sort(([, one], [, other]) => other - one);
    fillPairs(
      list,
      counted.map(([cause, times]) => [cause || 'other', count(times)]),
    );
    setText(empty, counted.length === 0 ? none : '');
  }
}
