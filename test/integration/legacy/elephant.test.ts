import { expect, it } from 'vitest';
import { startIngress } from '../../legacy/ingress-server.js';
import { runPhp } from '../../legacy/php.js';

it.each(['polling', 'upgrade', 'websocket'])(
  'ElephantIO over %s stays on the stock path and arrives',
  async (transport) => {
    const relay = await startIngress();
    const result = await runPhp('elephant.php', [transport, '20', relay.server]);
    expect(result).toMatchObject({ output: '', status: 0 });
    expect(relay.notifies.map(({ text }) => text)).toEqual(
      Array.from({ length: 20 }, (_, n) => `elephant/${transport}-${n + 1}`),
    );
  },
);

it('ElephantIO from an address not listed is an ordinary client of Socket.IO', async () => {
  const relay = await startIngress({ allowed: ['192.0.2.1'] });
  const result = await runPhp('elephant.php', ['websocket', '0', relay.server]);
  expect(result).toMatchObject({ output: '', status: 0 });
  expect(relay.notifies).toEqual([]);
});
