import { isPayload } from '../messages/legacy-fields.js';
import { deviceName } from '../store/browser.js';
import type { Devices } from '../store/store.js';
import { userIdOf } from '../user-id.js';
import type { Identity } from './identity.js';

/** `register_user` believed as it is, and the browser remembered by its device. Off unless the owner asks for it. */
export interface Claims {
  /** The user that this browser registered as before. */
  recall(device: string): Promise<Identity | undefined>;
  /** Believes a claim and binds the browser to it. */
  believe(user: string, device: string | undefined): Promise<Identity>;
}

export function createClaims(devices: Devices): Claims {
  const identity = (user: string, device: string | undefined): Identity => ({
    user,
    proof: 'claim',
    browser: device === undefined ? [] : [deviceName(device)],
  });

  return {
    async recall(device) {
      const user = await devices.user(device);
      return user === undefined ? undefined : identity(user, device);
    },
    async believe(user, device) {
      if (device !== undefined) await devices.bind(device, user);
      return identity(user, device);
    },
  };
}

/**
 * The user's own id in a page event, for a browser that registered once, at page load, and keeps no cookie: it is the
 * bare number of two queries, or one of the fields in which the old page names itself.
 */
export function ownIdIn(event: string, payload: unknown): string | undefined {
  if (event === 'getUnreadCount' || event === 'getUnreadConversations') return userIdOf(payload);
  if (!isPayload(payload)) return undefined;
  const own = [payload.current_user_id, payload.sender_id, event === 'typing' ? payload.user_id : undefined];
  return own.map(userIdOf).find((id) => id !== undefined);
}
