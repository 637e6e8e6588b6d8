import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createCork, createTogether } from '../../relay/together.js';

test('what comes in one turn of the event loop is handed on in one go, in its order', async () => {
  const batches: (readonly number[])[] = [];
  const add = createTogether<number>(setImmediate, (items) => batches.push(items));
  add(1);
  add(2);
  expect(batches).toEqual([]);
  await turn();
  add(3);
  await turn();
  expect(batches).toEqual([[1, 2], [3]]);
});

test('what is held back and what is not keep their order, on any number of streams', async () => {
  const cork = createCork();
  const written = Array.from({ length: 100 }, () => '');
  const streams = written.map(
    (_, index) =>
      new Writable({
        write(chunk, _encoding, done) {
          written[index] += String(chunk);
          done();
        },
      }),
  );
  for (const stream of streams) {
    cork(stream);
    stream.write('a');
    stream.write('b');
  }
  expect(written[0]).toBe('');
  await Promise.resolve();
  for (const stream of streams) stream.write('c');
  await turn();
  expect(new Set(written)).toEqual(new Set(['abc']));
});
