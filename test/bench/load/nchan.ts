import { deferred } from './deferred.js';
import type { Dialect } from './dialect.js';
import { postRequest } from './http.js';
import { eventPacket } from './message.js';
import { type Page, type PageOptions, takeEvent } from './page.js';
import { openWebSocket } from './web-socket.js';

/**
 * nchan's, as `peers/nchan.ts` configures it: a channel a user, no token, and what is published is what a page gets.
 * So a Socket.IO packet is published, and pages read the same bytes from all servers.
 */
export const nchan: Dialect = {
  openPage: openChannel,
  notify([user, ...others], message) {
    if (user === undefined || others.length > 0) throw new Error('nchan is called once a user');
    return postRequest(`/publish/${user}`, [], eventPacket(message));
  },
  // 202 would be: taken, and nobody is there
  taken: 201,
};

/** The upgrade is the subscription. */
async function openChannel({ port, user, onEvent, onLost }: PageOptions): Promise<Page> {
  let open = false;
  const subscribed = deferred<void>();
  const line = await openWebSocket({
    port,
    path: `/pages/${user}`,
    onOpen: subscribed.resolve,
    onText: (packet) => takeEvent(packet, onEvent, () => undefined),
    onEnd(error) {
      const reason = error ?? new Error(`nchan closed the connection of user ${user}`);
      subscribed.reject(reason);
      if (open) onLost(reason);
    },
  });
  await subscribed.promise;
  open = true;
  return {
    close() {
      open = false;
      line.destroy();
    },
  };
}
