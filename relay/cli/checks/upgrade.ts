import { upgrade } from '../connect.js';
import { type Finding, fail, ok } from '../finding.js';
import { describe } from '../json.js';
import { type Line, openPolling } from '../polling.js';
import { WireError } from '../wire-error.js';
import { gateway, isUnknownSession, unknownSession } from './polling.js';
import { linesFor, UPGRADE, whoAnswered } from './proxy-lines.js';

/** Whether HTTP becomes a WebSocket all the way to the relay. */
export async function checkUpgrade(line: Line): Promise<Finding> {
  const started = performance.now();
  try {
    const session = await openPolling(line);
    const socket = await upgrade(line, session);
    // gone over, the session ends with its WebSocket
    socket.send('5');
    socket.close();
    return ok('upgrade', `HTTP becomes a WebSocket, ${Math.round(performance.now() - started)} ms`);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return explain(error, line.url);
  }
}

function explain({ stage, message, answer }: WireError, url: URL): Finding {
  if (stage === 'probe') return fail('upgrade', '101, but then silence: the proxy holds back what the relay says');
  const mend = linesFor(UPGRADE, answer);
  if (answer === undefined) return fail('upgrade', `no WebSocket: ${message}; pages stay on polling`, ...mend);
  if (isUnknownSession(answer)) return unknownSession('upgrade', answer);
  const who = whoAnswered(answer);
  if (answer.status === 400) {
    const why = `${who} answered 400: the request lost its Upgrade header on the way`;
    return fail('upgrade', `${why}; pages stay on polling`, ...mend);
  }
  const known = gateway('upgrade', answer, url);
  const told = `${who} answered ${answer.status} with ${describe(answer.text)}, not 101; pages stay on polling`;
  return known ?? fail('upgrade', told, ...mend);
}
