import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { readEmitted } from '../../../relay/legacy/emitter-packet.js';
import { addressedBy } from '../../../relay/legacy/rooms.js';

const ALL = 'socket.io#/#';
const packet = { type: 2, data: ['receive_message', { content: 'hi', sender_id: 3 }], nsp: '/' };
const read = (value: unknown, channel = ALL) => readEmitted(channel, Buffer.from(encode(value)));

describe('an event of an emitter is read', () => {
  it('with its uid and its rooms', () => {
    expect(read(['emitter', packet, { rooms: ['17', 'user:42'], flags: {}, except: ['user:3'] }])).toEqual({
      kind: 'event',
      event: 'receive_message',
      args: ['{"content":"hi","sender_id":3}'],
      rooms: ['17', 'user:42'],
      except: ['user:3'],
      sender: '3',
    });
  });

  it('without a uid, rooms as numbers or as a list with holes, as PHP writes them', () => {
    expect(read([packet, { rooms: [17, 42], flags: [] }])).toMatchObject({ rooms: ['17', '42'] });
    expect(read(['emitter', packet, { rooms: { 0: 17, 2: 42 }, flags: [] }])).toMatchObject({ rooms: ['17', '42'] });
  });

  it('with its room in the channel alone', () => {
    expect(read(['emitter', packet, {}], `${ALL}17#`)).toMatchObject({ rooms: ['17'] });
    expect(read(['emitter', packet], `${ALL}a#b#`)).toMatchObject({ rooms: ['a#b'] });
  });

  it('with several arguments, with none, and with the time as old pages need it', () => {
    const options = { rooms: ['17'] };
    const emit = (...data: unknown[]) => read(['emitter', { ...packet, data }, options]);
    expect(emit('seen', 1, null, 'x')).toMatchObject({ args: ['1', 'null', '"x"'] });
    expect(emit('refresh')).toMatchObject({ args: ['null'] });
    expect(emit('receive_message', { sent_at: '2025-05-28 10:00:00' })).toMatchObject({
      args: ['{"sent_at":"2025-05-28T10:00:00.000Z"}'],
    });
  });
});

it.each([
  ['binary', ['emitter', { ...packet, type: 5 }, { rooms: ['17'] }]],
  ['binary', ['emitter', { ...packet, data: ['x', { file: new Uint8Array([1, 2]) }] }, { rooms: ['17'] }]],
  ['namespace', ['emitter', { ...packet, nsp: '/chat' }, { rooms: ['17'] }]],
  ['broadcast', ['emitter', packet, { rooms: [], flags: {} }]],
  ['broadcast', ['emitter', packet]],
  ['no_event', ['emitter', { ...packet, type: 0 }, { rooms: ['17'] }]],
  ['no_event', ['emitter', { ...packet, data: ['disconnect'] }, { rooms: ['17'] }]],
  ['no_event', ['emitter', { ...packet, data: { x: 1 } }, { rooms: ['17'] }]],
  ['no_packet', ['emitter']],
  ['no_packet', 'hello'],
  ['no_packet', { rooms: ['17'] }],
  ['no_packet', []],
])('what cannot be delivered is told as %s: %j', (reason, value) => {
  expect(read(value)).toEqual({ kind: 'refused', reason });
});

it('no bytes can make it throw', () => {
  const good = encode(['emitter', packet, { rooms: ['17'] }]);
  const bad = [
    new Uint8Array(),
    Buffer.from('{"json": true}'),
    Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]),
    Buffer.alloc(200_000, 0x91),
    Buffer.concat([good, good]),
    deep(100_000),
    ...Array.from({ length: good.length }, (_, end) => good.subarray(0, end)),
    ...Array.from({ length: 500 }, (_, seed) => scrambled(good, seed)),
  ];
  for (const bytes of bad) expect(['event', 'refused']).toContain(readEmitted(ALL, bytes).kind);
});

it('rooms stand for people and conversations', () => {
  const { users, conversations } = addressedBy([
    '17',
    'user:18',
    'user_19',
    'user-20',
    'conversation:5',
    'conversation_6',
  ]);
  for (const user of ['17', '18', '19', '20']) expect(users).toContain(user);
  expect([...conversations]).toEqual(['5', '6']);
});

function deep(depth: number): Uint8Array {
  const lists = [Buffer.from([0x92]), encode('x'), Buffer.alloc(depth, 0x91), encode(1)];
  const nested = [Buffer.from([0x82]), encode('type'), encode(2), encode('data'), ...lists];
  return Buffer.concat([Buffer.from([0x93]), encode('emitter'), ...nested, encode({ rooms: ['17'] })]);
}

/** Some bytes changed, the same ones in every run. */
function scrambled(bytes: Uint8Array, seed: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let n = 0; n < 3; n += 1) copy[(seed * 31 + n * 7) % copy.length] = (seed * 17 + n * 101) % 256;
  return copy;
}
