import { type Canary, openCanary } from '../canary.js';
import { type Finding, fail, ok } from '../finding.js';
import type { Line } from '../polling.js';
import type { Proof } from '../proof.js';
import { WireError } from '../wire-error.js';
import { isUnknownSession, unknownSession } from './polling.js';
import { linesFor, STICKY, UPGRADE } from './proxy-lines.js';

/** The whole way of a page with socket.io-client 4.4.0: polling, connect, probe, upgrade, registered. */
export async function checkHandshake(line: Line, proof: Proof | undefined) {
  const started = performance.now();
  try {
    const canary: Canary = await openCanary(line, proof);
    const as = proof === undefined ? 'without a user' : `registered as ${proof.user}`;
    const took = Math.round(performance.now() - started);
    return { finding: ok('handshake', `as a page's Socket.IO 4.4.0 does it, ${as}, ${took} ms`), canary };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { finding: explain(error), canary: undefined };
  }
}

function explain({ stage, message, answer }: WireError): Finding {
  if (answer !== undefined && isUnknownSession(answer)) return unknownSession('handshake', answer);
  switch (stage) {
    case 'open':
    case 'session':
      return fail('handshake', `polling broke off: ${message}`, ...linesFor(STICKY, answer));
    case 'upgrade':
    case 'probe':
      return fail('handshake', `the upgrade of a polling session fails: ${message}`, ...linesFor(UPGRADE, answer));
    case 'socket':
    case 'register':
      return fail('handshake', `the canary is refused: ${message}`, 'journalctl -u relay -n 50 | grep refused');
  }
}
