import { expect, test } from 'vitest';
import { createConversations } from '../../../relay/messages/conversations.js';
import { openTwoInMemory, openTwoOverRedis } from '../../support/stores.js';

test.each([
  ['in memory', openTwoInMemory],
  ['over Redis', openTwoOverRedis],
])(
  'the last notify says who is in a conversation, also after two at once that named different people (%s)',
  async (_, openTwo) => {
    const [store] = await openTwo();
    const conversations = createConversations(store.conversations, undefined);
    await Promise.all([conversations.learn('5', ['3', '17']), conversations.learn('5', ['3', '17', '42'])]);
    await conversations.learn('5', ['3', '17']);
    expect(await conversations.members('5')).toEqual(['17', '3']);
  },
);
