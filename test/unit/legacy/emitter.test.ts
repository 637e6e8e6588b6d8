import { EventEmitter, once } from 'node:events';
import { encode } from '@msgpack/msgpack';
import { expect, it } from 'vitest';
import { createEmitterIngress } from '../../../relay/legacy/emitter.js';

/** An ingress that is told who is in a conversation, 17, once `answer` is called. */
function slowly() {
  const subscriber = Object.assign(new EventEmitter(), { connect: async () => undefined, disconnect: () => undefined });
  const gate = new EventEmitter();
  const answered = once(gate, 'answer');
  const heard: string[] = [];
  const refused: unknown[] = [];
  const log = {
    info: () => undefined,
    warn: ({ reason }: { reason?: unknown }) => void refused.push(reason),
    error: () => undefined,
  };
  const ingress = createEmitterIngress({
    subscriber: subscriber as never,
    key: 'socket.io',
    signal: (user, { event }) => void heard.push(`${event} to ${user}`),
    conversations: { members: () => answered.then(() => ['17']) } as never,
    maxPayload: 1_000,
    log,
  });
  const publish = (event: string, room: string): void => {
    const packet = [{ type: 2, data: [event, 1], nsp: '/' }, { rooms: [room] }];
    subscriber.emit('pmessageBuffer', '', Buffer.from('socket.io#/#'), Buffer.from(encode(packet)));
  };
  return { ingress, publish, answer: () => gate.emit('answer'), heard, refused };
}

it('one to a person waits for those before it whose members are looked up', async () => {
  const { ingress, publish, answer, heard } = slowly();
  await ingress.open();
  publish('first', 'user:17');
  expect(heard).toEqual(['first to 17', 'first to user:17']);
  heard.length = 0;
  publish('second', 'conversation:5');
  publish('third', '17');
  publish('fourth', 'conversation:5');
  publish('fifth', '17');
  answer();
  await ingress.close();
  const to17 = heard.filter((line) => line.endsWith(' to 17'));
  expect(to17).toEqual(['second to 17', 'third to 17', 'fourth to 17', 'fifth to 17']);
  heard.length = 0;
  publish('sixth', '17');
  expect(heard).toEqual(['sixth to 17']);
});

it('when too many wait, those to people are shown at once, and those to conversations dropped', async () => {
  const { ingress, publish, answer, heard, refused } = slowly();
  await ingress.open();
  for (let n = 0; n < 1_000; n += 1) publish('waits', 'conversation:5');
  publish('dropped', 'conversation:5');
  publish('urgent', '17');
  expect(heard).toEqual(['urgent to 17']);
  expect(refused).toEqual(['too_many']);
  answer();
  await ingress.close();
  expect(heard.filter((line) => line === 'waits to 17')).toHaveLength(1_000);
  expect(heard).not.toContain('dropped to 17');
});
