import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { checkExposedPort } from '../../../relay/cli/checks/exposure.js';
import { startRelay } from '../../support/relay.js';

// Its own address leads a machine to itself: nothing of this leaves it.
const addresses = Object.values(networkInterfaces()).flat();
const own = addresses.find((one) => one?.internal === false && one.family === 'IPv4')?.address;

test.skipIf(own === undefined)(
  'an internal port that is open under the public name is told, a closed one is well',
  async () => {
    const [open, closed] = await Promise.all([startRelay({ RELAY_INTERNAL_HOST: '0.0.0.0' }), startRelay()]);
    const check = ({ internalUrl }: { internalUrl: string }) =>
      checkExposedPort(new URL(`http://${own}`), [own ?? ''], Number(new URL(internalUrl).port));
    expect(await check(open)).toMatchObject({ verdict: 'FAIL', mend: ['RELAY_INTERNAL_HOST=127.0.0.1'] });
    expect(await check(closed)).toMatchObject({ verdict: 'ok' });
  },
);

test('a name that leads to this machine alone says nothing of its port', async () => {
  const found = await checkExposedPort(new URL('http://localhost'), ['127.0.0.1', '::1'], 3001);
  expect(found).toMatchObject({ verdict: 'unchecked' });
});
