import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * A port nothing listens on, for programs that cannot be told 0. Taken from below the kernel's ephemeral range: a
 * client that retries a stopped server on an ephemeral port can end up connected to itself, and no outgoing
 * connection of another test takes the port while its server is restarted.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const probe = createServer().listen(port, '127.0.0.1');
    // waiting for one event, `once` rejects at an error
    const free = await once(probe, 'listening').then(
      () => true,
      () => false,
    );
    probe.close();
    if (free) return port;
  }
}
