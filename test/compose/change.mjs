import assert from 'node:assert/strict';
import { check, until } from './check.mjs';
import { logIn } from './person.mjs';
import { compose, docker, inspect, socketsOf } from './stack.mjs';

// What `stop_grace_period` leaves a relay before Docker kills it.
const GRACE_SECONDS = 15;
const INES = 42;
// Shown at least once: relays that come back one after another may drop a connection again before it has confirmed
// anything, and an unmodified page is then shown the unconfirmed a second time.
const WRITTEN_MEANWHILE = 'written while no relay was there';

/** What happens while people are connected: one relay more, one dies, all stop and come back. */
export async function checkChange([mira, jonas]) {
  await check('a third relay takes browsers, and a WebSocket that was there before stays where it is', async () => {
    const losses = mira.person.losses.length;
    await compose('up', '--detach', '--no-recreate', '--no-build', '--wait', '--scale', 'relay=3');
    await threeRelaysTake();
    assert.equal(mira.person.losses.length, losses);
    // Who polls may have been given to the third relay, and is there after one attempt that fails.
    await jonas.person.settle();
    await exchange([mira, jonas], 'sent with three relays');
  });

  await check('when the relay dies that somebody is on, the message that follows is shown to them once', async () => {
    await jonas.person.settle();
    const registrations = jonas.person.registrations();
    await docker('kill', await relayOf(jonas.agent));
    await jonas.person.known(registrations + 1);
    // She may have been on the same one.
    for (const { person } of [mira, jonas]) await person.settle();
    await exchange([mira, jonas], 'sent after a death');
  });

  await check('relays stop within their time, and what is written meanwhile comes when they are back', async () => {
    const running = (await inspect('relay')).filter((one) => one.State.Running).map((one) => one.Id);
    const started = performance.now();
    await compose('stop', 'relay');
    assert.ok(performance.now() - started < GRACE_SECONDS * 1000, 'Docker had to kill one');
    const codes = JSON.parse(await docker('inspect', ...running)).map((one) => one.State.ExitCode);
    assert.deepEqual(new Set(codes), new Set([0]));
    await mira.person.send(WRITTEN_MEANWHILE);
    await compose('start', 'relay');
    await shownOnce([mira, jonas], WRITTEN_MEANWHILE);
    await threeRelaysTake();
    for (const { person } of [mira, jonas]) await person.settle();
    await exchange([mira, jonas], 'and everything goes on');
  });
}

/** Waits until nginx knows all three: as it gets to know one, it sends some that poll elsewhere, and they begin anew. */
async function threeRelaysTake() {
  await until('somebody on each of three relays', async () => (await relaysThatTake(20)) === 3, 60_000);
}

/** How many relays the sockets of that many new browsers are on. */
async function relaysThatTake(browsers) {
  const visitors = await Promise.all(
    Array.from({ length: browsers }, (_, number) =>
      logIn(INES, { agent: `compose-test/visitor-${number}`, transports: ['websocket'] }),
    ),
  );
  const sockets = await socketsOf(INES);
  for (const visitor of visitors) visitor.leave();
  return new Set(sockets.map(({ replica }) => replica)).size;
}

/** The relay to which nginx sent the last request of the browser of this name. */
async function relayOf(agent) {
  const lines = (await compose('logs', '--no-color', '--no-log-prefix', 'nginx')).split('\n');
  const address = lines
    .findLast((line) => line.includes(`"${agent}"`) && line.includes(':3000 '))
    ?.match(/ to=([\d.]+):/)?.[1];
  const relays = await inspect('relay');
  const found = relays.find((one) =>
    Object.values(one.NetworkSettings.Networks).some((net) => net.IPAddress === address),
  );
  assert.ok(found, `a relay at ${address}`);
  return found.Id;
}

async function exchange([one, other], text) {
  for (const [writer, content] of [
    [one, `${text}, one way`],
    [other, `${text}, the other way`],
  ]) {
    await writer.person.send(content);
    await shownOnce([one, other], content);
  }
}

/** A second copy would come before what is sent after it: that is looked at too, when the last text is there. */
async function shownOnce(people, text) {
  for (const { person } of people) {
    await until(`"${text}", shown`, () => person.shown.includes(text), 40_000);
    for (const [sent, times] of person.timesShown())
      if (sent !== WRITTEN_MEANWHILE) assert.equal(times, 1, `"${sent}"`);
  }
}
