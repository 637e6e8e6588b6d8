import { expect, it } from 'vitest';
import { RelayError } from '../../../relay/errors.js';
import { acceptLegacy } from '../../../relay/legacy/accept-legacy.js';
import type { Notification } from '../../../relay/messages/notification.js';

const notify = {
  event: 'receive_message',
  durable: true,
  recipients: ['17'],
  conversation: '5',
  sender: '3',
  id: '981',
  clientId: undefined,
  text: 'hi',
  contentKey: 'same',
  message: { conversation_id: 5, sender_id: 3, content: 'hi' },
};
const source = { address: '192.0.2.7' };

it('a message counts once, when it was taken over, however often the store was asked', async () => {
  let counted = 0;
  const attempts: Notification[] = [];
  const accept = acceptLegacy(
    async (notification) => {
      attempts.push(notification);
      if (attempts.length < 3) throw new RelayError('store_unavailable', 'away');
      return { id: notification.id, duplicate: false, delivered: [], offline: [] };
    },
    () => {
      counted += 1;
    },
  );
  await expect(accept(notify, source)).rejects.toThrow('away');
  await expect(accept(notify, source)).rejects.toThrow('away');
  expect(counted).toBe(0);
  await accept(notify, source);
  expect(counted).toBe(1);
  expect(attempts.map(({ id }) => id)).toEqual(['981', '981', '981']);
});
