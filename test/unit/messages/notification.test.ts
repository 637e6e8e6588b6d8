import { describe, expect, test } from 'vitest';
import { RelayError } from '../../../relay/errors.js';
import { readNotification } from '../../../relay/messages/notification.js';

/** The paths of what is told to be bad, in their order. */
function refusedFor(body: unknown): string[] {
  try {
    readNotification(body);
  } catch (error) {
    if (error instanceof RelayError && error.code === 'invalid_body')
      return error.details?.map(({ path }) => path) ?? [];
    throw error;
  }
  throw new Error('it was taken');
}

const LARGE = 2 ** 60;

describe('what is wrong with a notify', () => {
  test.each<[string, unknown, string[]]>([
    ['all that is missing', {}, ['/message', '/id', '/recipients']],
    ['missing recipients beside other faults', { event: 5, message: { id: 1 } }, ['/event', '/recipients']],
    ['null for missing', { id: null, recipients: null, message: { id: null } }, ['/id', '/recipients']],
    ['a bad conversation alone', { conversation_id: {}, message: { id: 1 } }, ['/conversation_id']],
    ['bad recipients alone', { recipients: [], message: { id: 1, conversation_id: {} } }, ['/recipients']],
    [
      'each bad field of the notify’s own',
      { id: '', recipients: [1], sender: 1.5, conversation_id: LARGE, client_id: [], message: { id: 1, sender_id: 3 } },
      ['/id', '/conversation_id', '/sender', '/client_id'],
    ],
    ['an id of a signal', { id: {}, durable: false, recipients: [1], message: {} }, ['/id']],
    ['an id in the message where one is needed', { recipients: [1], message: { id: {} } }, ['/message/id']],
    ['an id in the message that lost its digits', { recipients: [1], message: { id: LARGE } }, ['/message/id']],
    [
      'a conversation in the message where nobody else is named',
      { message: { id: '', conversation_id: '' } },
      ['/message/id', '/message/conversation_id'],
    ],
  ])('is told by where it stands: %s', (_, body, paths) => {
    expect(refusedFor(body)).toEqual(paths);
  });

  test('is told of a number too large for JSON as what it is', () => {
    expect(() => readNotification({ recipients: [1], message: { id: LARGE } })).toThrow(/message\/id must be a string/);
  });
});

describe('a message is PHP’s own', () => {
  test.each(['', 1.5, {}, [], true, null, LARGE, 'a\n', 'x'.repeat(129)])(
    'and what is no id in it counts as none where none is needed: %j',
    (odd) => {
      const message = { id: 1, conversation_id: odd, sender_id: odd, client_id: odd };
      const read = readNotification({ recipients: [17], message });
      expect(read).toMatchObject({ id: '1', recipients: ['17'], message });
      expect([read.conversation, read.sender, read.clientId]).toEqual([undefined, undefined, undefined]);
      const signal = { durable: false, recipients: [17], message: { id: odd } };
      expect(readNotification(signal)).toMatchObject({ id: '', message: { id: odd } });
      const named = readNotification({ id: 2, conversation_id: 5, sender: 3, client_id: 'c', message });
      expect(named).toMatchObject({ id: '2', conversation: '5', sender: '3', clientId: 'c', message });
    },
  );

  test('and gives what the notify leaves out', () => {
    const message = { id: 981, conversation_id: 5, sender_id: 3, client_id: 'c' };
    expect(readNotification({ message })).toMatchObject({ id: '981', conversation: '5', sender: '3', clientId: 'c' });
  });
});
