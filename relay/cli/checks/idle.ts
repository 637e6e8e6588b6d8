import { setTimeout as after } from 'node:timers/promises';
import { openCanary } from '../canary.js';
import { type Finding, fail, ok } from '../finding.js';
import type { Line } from '../polling.js';
import type { Proof } from '../proof.js';
import { WireError } from '../wire-error.js';
import { linesFor, PATIENT } from './proxy-lines.js';

/** A connection on which nothing but heartbeats goes must outlive a proxy's patience. */
export async function checkIdle(line: Line, proof: Proof, seconds: number): Promise<Finding> {
  try {
    const canary = await openCanary(line, proof);
    const started = performance.now();
    const ended = await Promise.race([canary.ended, after(seconds * 1000, undefined, { ref: false })]);
    const stood = ((performance.now() - started) / 1000).toFixed(1);
    canary.close();
    if (ended === undefined) return ok('idle', `a connection that said nothing for ${seconds} s is still there`);
    const why = `an idle connection was ${ended} after ${stood} s: something on the way waits no longer than that`;
    return fail('idle', why, ...linesFor(PATIENT, undefined), '# HAProxy', 'timeout tunnel 120s');
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return fail('idle', `the connection did not come about: ${error.message}`);
  }
}
