import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { RelayError } from '../../../relay/errors.js';
import { createConfirmer } from '../../../relay/messages/confirm.js';
import { createHub, type Hub } from '../../../relay/messages/hub.js';
import { createOutlet, earlyKey, type Outlet, setEarly } from '../../../relay/messages/outlet.js';
import type { Pipe } from '../../../relay/messages/pipe.js';
import { createMemoryStore } from '../../../relay/store/memory/store.js';
import { createWorld, type World } from '../../../relay/store/memory/world.js';
import { createRecentSet } from '../../../relay/store/recent-set.js';
import type { Store } from '../../../relay/store/store.js';
import { deliveryTo, messageOf, socketOf } from '../../support/stores.js';
import { until } from '../../support/until.js';

/** One socket of user 17, that answers pings as long as `answers` says so. */
async function served(from?: number) {
  const world = createWorld({ inboxLimit: 200, inboxTtl: 3_600 });
  const store = createMemoryStore(world);
  const log = pino({ level: 'silent' });
  const clock = { now: Date.now() };
  const hub: Hub = createHub(
    store.inbox,
    {
      pingBehind: (outlet, replay) => confirmer.pingBehind(outlet, replay),
      onWritten: vi.fn(),
      onSkipped(outlet) {
        if (confirmer.pingBehind(outlet, false)) outlet.pipe.ping();
      },
      onGap: (_, { seq }) => gaps.push(seq),
      onFork: (user) => forks.push(user),
    },
    log,
    createRecentSet(60_000, 1_000, () => clock.now),
  );
  const confirmer = createConfirmer({ hub, presence: store.presence, log, onConfirmed: vi.fn() });
  const shown: string[] = [];
  const gaps: number[] = [];
  const forks: string[] = [];
  const network: Network = { answers: true, takes: Promise.resolve() };
  const outlet = createOutlet('17', socketOf(store, 'tab'), fakePipe(shown, network), false);
  for (const id of ['1', '2', '3']) await store.inbox.append([deliveryTo('17', id)]);
  hub.add(outlet);
  confirmer.attach(outlet);
  const joined = await store.presence.join('17', outlet.record, { limit: 0 });
  hub.settle(outlet, joined, from ?? joined.seq);
  return { hub, store, world, outlet, shown, gaps, forks, network, joined, clock };
}

interface Network {
  answers: boolean;
  /** Until then all that was sent is queued. */
  takes: Promise<void>;
}

function fakePipe(shown: string[], network: Network): Pipe {
  let follower: { sent(): unknown; answered(mark: unknown): void } | undefined;
  const ping = () => {
    const mark = follower?.sent();
    if (network.answers) setImmediate(() => follower?.answered(mark));
  };
  return {
    send({ text }, pinged) {
      shown.push(/"id":"(\w+)"/.exec(text)?.[1] ?? text);
      if (pinged) ping();
    },
    buffered: () => 0,
    drained: () => network.takes,
    ping,
    onPings(pings, by) {
      follower = { sent: () => pings.sent(by), answered: (mark) => pings.answered(by, mark as never) };
    },
    close: vi.fn(),
  };
}

async function accept(hub: Hub, store: Store, id: string): Promise<void> {
  const [appended] = await store.inbox.append([deliveryTo('17', id)]);
  if (appended !== undefined) hub.receive('17', appended, messageOf(id));
}

/** The next answer of the inbox comes when the store has begun anew and what was accepted then is here. */
function overtakeNextRead({ hub, store, world }: { hub: Hub; store: Store; world: World }, id: string): void {
  const { read } = store.inbox;
  vi.spyOn(store.inbox, 'read').mockImplementationOnce(async (...question) => {
    const page = await read(...question);
    Object.assign(world.user('17'), { epoch: 'next', seq: 0, entries: [] });
    await accept(hub, store, id);
    return page;
  });
}

const confirmed = (outlet: Outlet, seq: number) =>
  until(`number ${seq} to be confirmed`, () => outlet.confirmed === seq);

test('a message that could not be stored is shown at once, and not again when it is', async () => {
  const { hub, store, outlet, shown } = await served();
  hub.showEarly('17', messageOf('4'));
  hub.showEarly('17', messageOf('4'));
  await accept(hub, store, '4');
  await accept(hub, store, '5');
  expect(shown).toEqual(['4', '5']);
  await confirmed(outlet, 5);
  expect(outlet.early.size).toBe(0);
});

test('a message that took its place is not shown once more when PHP repeats it to a relay without a store', async () => {
  const { hub, store, shown } = await served();
  await accept(hub, store, '4');
  hub.showEarly('17', messageOf('4'));
  await accept(hub, store, '5');
  expect(shown).toEqual(['4', '5']);
});

test('that goes for as long as PHP repeats it', async () => {
  const { hub, store, shown, clock } = await served();
  await accept(hub, store, '4');
  for (let times = 0; times < 5; times += 1) {
    clock.now += 50_000;
    hub.showEarly('17', messageOf('4'));
  }
  await accept(hub, store, '5');
  expect(shown).toEqual(['4', '5']);
});

test('a notify is not shown to a page that has its emit, whether that took its place or was shown early', async () => {
  const { hub, store, shown } = await served();
  await accept(hub, store, 'e4');
  hub.showEarly('17', messageOf('4'), 'e4');
  hub.showEarly('17', messageOf('4'));
  hub.showEarly('17', messageOf('e5'));
  hub.showEarly('17', messageOf('5'), 'e5');
  await accept(hub, store, '5');
  await accept(hub, store, '6');
  expect(shown).toEqual(['e4', 'e5', '6']);
});

test('what was skipped for having been shown early is remembered until the client has answered for it', async () => {
  const { hub, store, outlet, network } = await served();
  hub.showEarly('17', messageOf('4'));
  await until('the pong behind it', () => outlet.confirmedEarly === 1);
  network.answers = false;
  await accept(hub, store, '4');
  expect([...outlet.early.keys()]).toEqual(['receive_message\0' + '4']);
  network.answers = true;
  await accept(hub, store, '5');
  await confirmed(outlet, 5);
  expect(outlet.early.size).toBe(0);
});

test('a page that is owed older messages is shown none early', async () => {
  const { hub, shown, outlet } = await served(0);
  hub.showEarly('17', messageOf('4'));
  await until('the replay to be over', () => outlet.live);
  expect(shown).toEqual(['1', '2', '3']);
});

test('a quiet socket is pinged within moments of a message, a busy one at most every 100 ms', async () => {
  const { hub, store, outlet } = await served();
  await accept(hub, store, '4');
  const first = performance.now();
  await confirmed(outlet, 4);
  expect(performance.now() - first).toBeLessThan(90);
  await accept(hub, store, '5');
  await accept(hub, store, '6');
  expect(outlet.confirmed).toBe(4);
  await confirmed(outlet, 6);
});

test('what is served once more is confirmed no further than it has come', async () => {
  const { hub, outlet, shown, network, joined } = await served();
  let take = (): void => undefined;
  network.takes = new Promise((resolve) => {
    take = resolve;
  });
  void hub.rewind(outlet, { epoch: joined.epoch, seq: 0 });
  await until('the first', () => shown.length === 1);
  outlet.pipe.ping();
  await confirmed(outlet, 1);
  expect(shown).toEqual(['1']);
  take();
  await confirmed(outlet, 3);
  expect(shown).toEqual(['1', '2', '3']);
});

test('what comes live while older messages are served once more is confirmed after them', async () => {
  const { hub, store, outlet, shown, network, joined } = await served();
  let take = (): void => undefined;
  network.takes = new Promise((resolve) => {
    take = resolve;
  });
  void hub.rewind(outlet, { epoch: joined.epoch, seq: 0 });
  await until('the first', () => shown.length === 1);
  await accept(hub, store, '4');
  expect(shown).toEqual(['1', '4']);
  take();
  await confirmed(outlet, 4);
  expect(shown).toEqual(['1', '4', '2', '3']);
});

test('what is served once more goes on where it was when the store has been away', async () => {
  const { hub, store, outlet, shown, joined } = await served();
  vi.spyOn(store.inbox, 'read').mockRejectedValueOnce(new RelayError('store_unavailable', 'away'));
  await hub.rewind(outlet, { epoch: joined.epoch, seq: 1 });
  expect(shown).toEqual(['2', '3']);
});

test('what is not in the inbox any more is told as a gap, and what was shown already not shown again', async () => {
  const { hub, store, outlet, shown, gaps, joined } = await served();
  for (let id = 4; id <= 400; id++) await accept(hub, store, String(id));
  const before = shown.length;
  await hub.rewind(outlet, { epoch: joined.epoch, seq: 0 });
  expect(gaps).toHaveLength(1);
  expect(gaps[0]).toBeGreaterThan(3);
  expect(shown).toHaveLength(before);
});

test('an older place of an epoch that is over is told as a gap', async () => {
  const { hub, outlet, shown, gaps } = await served();
  await hub.rewind(outlet, { epoch: 'another', seq: 1 });
  expect([gaps, shown]).toEqual([[3], []]);
});

test('what was shown early is not shown again when older messages are served once more', async () => {
  const { hub, outlet, shown, joined } = await served();
  setEarly(outlet, earlyKey(messageOf('2')), 0);
  await hub.rewind(outlet, { epoch: joined.epoch, seq: 0 });
  expect(shown.filter((id) => id.length < 3)).toEqual(['1', '3']);
});

test('a missing message that is read from an epoch which ends meanwhile does not bring that back', async () => {
  const page = await served();
  const { hub, store, shown, joined } = page;
  overtakeNextRead(page, 'new');
  hub.reach('17', { epoch: joined.epoch, seq: 4 });
  await until('what is new', () => shown.length > 0);
  await accept(hub, store, 'after');
  expect(shown).toEqual(['new', 'after']);
});

test('nor does a replay', async () => {
  const page = await served();
  const { hub, store, shown, network, joined } = page;
  const late: string[] = [];
  const second = createOutlet('17', socketOf(store, 'second'), fakePipe(late, network), false);
  hub.add(second);
  overtakeNextRead(page, 'new');
  hub.settle(second, joined, 0);
  await until('what is new', () => late.length > 0);
  await accept(hub, store, 'after');
  expect([shown, late]).toEqual([
    ['new', 'after'],
    ['new', 'after'],
  ]);
});

test('where a number that was seen comes with another message, nothing counts until the sockets have joined again', async () => {
  const { hub, shown, forks, joined } = await served();
  const { epoch, seq, at } = joined;
  hub.receive('17', joined, messageOf('3', at));
  expect(forks).toEqual([]);
  for (const number of [seq, seq, seq + 1]) hub.receive('17', { epoch, seq: number }, messageOf('another', at + 1));
  expect([forks, shown]).toEqual([['17'], []]);
  hub.reach('17', joined);
  hub.receive('17', { epoch, seq: seq + 1 }, messageOf('next'));
  expect(shown).toEqual(['next']);
});
