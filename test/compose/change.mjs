import assert from 'node:assert/strict';
import { check, until } from './check.mjs';
import { logIn } from './person.mjs';
import { compose, docker, inside, inspect } from './stack.mjs';

// What `stop_grace_period` leaves a relay before Docker kills it.
const GRACE_SECONDS = 15;

/** What happens while people are connected: one relay more, one dies, all stop and come back. */
export async function checkChange(people) {
  await check('a third relay takes browsers, and nobody is dropped for it who was there before', async () => {
    const before = people.map(({ person }) => person.losses.length);
    await compose('up', '--detach', '--no-recreate', '--no-build', '--wait', '--scale', 'relay=3');
    await until('somebody on each of three relays', everyRelayTaken(), 30_000);
    await exchange(people, 'sent with three relays');
    // A polling session may find itself at another relay once, and then goes on there.
    assert.equal(people[0].person.losses.length, before[0], 'a WebSocket stays where it is');
  });

  await check('when the relay dies that somebody is on, the message that follows is shown to them once', async () => {
    const [writer, reader] = people;
    const [victim] = await relaysWith('polling');
    const registrations = reader.person.registrations();
    await docker('kill', victim.id);
    await reader.person.known(registrations + 1);
    await writer.person.send('sent after a death');
    await shownOnce(people, 'sent after a death');
  });

  await check(
    'relays stop within their time, and what is written meanwhile is shown once when they are back',
    async () => {
      const running = (await inspect('relay')).filter((one) => one.State.Running).map((one) => one.Id);
      const started = performance.now();
      await compose('stop', 'relay');
      assert.ok(performance.now() - started < GRACE_SECONDS * 1000, 'Docker had to kill one');
      const codes = JSON.parse(await docker('inspect', ...running)).map((one) => one.State.ExitCode);
      assert.deepEqual(new Set(codes), new Set([0]));
      await people[0].person.send('written while no relay was there');
      await compose('start', 'relay');
      await shownOnce(people, 'written while no relay was there');
      await exchange(people, 'and everything goes on');
    },
  );
}

/** Lets one visitor after another in until every running relay had one. */
function everyRelayTaken() {
  const taken = new Set();
  let number = 0;
  return async () => {
    const running = (await inspect('relay')).filter((one) => one.State.Running);
    number += 1;
    const visitor = await logIn(42, { agent: `compose-test/visitor-${number}`, transports: ['websocket'] });
    for (const relay of await relaysWith('websocket')) if (relay.connections > 0) taken.add(relay.id);
    visitor.leave();
    return taken.size === running.length;
  };
}

/** The running relays that have connections of this transport. */
async function relaysWith(transport) {
  const running = (await inspect('relay')).filter((one) => one.State.Running);
  const counted = running.map(async (one) => {
    const index = one.Config.Labels['com.docker.compose.container-number'];
    const { said } = await inside('relay', index, '/app/docker/entry.sh', 'node', '--input-type=module', '-e', METRICS);
    const line = said
      .split('\n')
      .find((text) => text.startsWith('relay_connections{') && text.includes(`"${transport}"`));
    return { id: one.Id, connections: Number(line?.split(' ')[1] ?? 0) };
  });
  return (await Promise.all(counted)).filter(({ connections }) => connections > 0);
}

const METRICS = `
  const answer = await fetch('http://' + process.env.RELAY_INTERNAL_HOST + ':3001/metrics');
  console.log(await answer.text());
`;

async function exchange([one, other], text) {
  for (const [writer, content] of [
    [one, `${text}, one way`],
    [other, `${text}, the other way`],
  ]) {
    await writer.person.send(content);
    await shownOnce([one, other], content);
  }
}

/** A second copy would come before what is sent after it, on the same connection: the next exchange shows it. */
async function shownOnce(people, text) {
  for (const { person } of people) {
    await until(`"${text}", shown`, () => person.shown.includes(text), 40_000);
    assert.equal(person.shown.length, new Set(person.shown).size, `each text once: ${person.shown.join(' | ')}`);
  }
}
