import { type Finding, fail, ok } from '../finding.js';
import { describe } from '../json.js';
import type { Line } from '../polling.js';
import { dialWebSocket } from '../web-socket.js';
import { WireError } from '../wire-error.js';
import { gateway } from './polling.js';
import { linesFor, UPGRADE, whoAnswered } from './proxy-lines.js';

const WITHIN = 5_000;

/** Whether HTTP becomes a WebSocket all the way to the relay. */
export async function checkUpgrade(line: Line): Promise<Finding> {
  const started = performance.now();
  try {
    const socket = await dialWebSocket(line);
    const opened = await socket.next((packet) => packet.startsWith('0'), WITHIN);
    socket.close();
    if (opened === undefined) return fail('upgrade', '101, but then silence: the proxy holds back what the relay says');
    return ok('upgrade', `HTTP becomes a WebSocket, ${Math.round(performance.now() - started)} ms`);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return explain(error, line.url);
  }
}

function explain({ message, answer }: WireError, url: URL): Finding {
  const mend = linesFor(UPGRADE, answer);
  if (answer === undefined) return fail('upgrade', `no WebSocket: ${message}; pages stay on polling`, ...mend);
  const who = whoAnswered(answer);
  if (answer.status === 400) {
    const why = `${who} answered 400: the request lost its Upgrade header on the way`;
    return fail('upgrade', `${why}; pages stay on polling`, ...mend);
  }
  const known = gateway('upgrade', answer, url);
  const told = `${who} answered ${answer.status} with ${describe(answer.text)}, not 101; pages stay on polling`;
  return known ?? fail('upgrade', told, ...mend);
}
