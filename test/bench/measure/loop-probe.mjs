// Loaded into a server before its own program: notes how late its event loop is, and tells it on a Unix socket.
import { createServer } from 'node:net';
import { isMainThread } from 'node:worker_threads';

const EVERY = 10;

if (isMainThread) {
  let turns = [];
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    turns.push(now - last);
    last = now;
  }, EVERY).unref();
  // whoever asks is told what was noted since somebody last did, as JSON
  const teller = createServer((socket) => {
    socket.end(JSON.stringify(turns));
    turns = [];
  });
  teller.listen(process.env.LOOP_PROBE).unref();
}
