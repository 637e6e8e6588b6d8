// The checks of compose.sh, against a stack that is up with two relays.
import { checkChange } from './change.mjs';
import { checkClients, checkPages, twoPeopleApart } from './chat.mjs';
import { check, conclude } from './check.mjs';
import { checkObserve } from './observe.mjs';
import { checkInside, checkOutside, checkSecrets } from './safety.mjs';

await checkOutside();
await checkInside();
await checkSecrets();

let people;
await check('two people log in and are on different relays', async () => {
  people = await twoPeopleApart();
});
if (people) {
  await checkClients(people);
  await checkPages(people);
  await checkChange([people.mira, people.jonas]);
  for (const { person } of [people.mira, people.jonas]) person.leave();
}
await checkObserve();
process.exit(conclude());
