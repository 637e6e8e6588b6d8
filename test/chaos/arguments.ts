import { parseArgs } from 'node:util';
import { type Experiment, IDENTITIES, MODES, PAGES, SHORT, WAYS } from './options.js';

export interface Plan {
  readonly experiments: readonly Experiment[];
  /** Paths to write to; nothing is written when undefined. */
  readonly json: string | undefined;
  readonly evidence: string | undefined;
}

export const USAGE = `npm run chaos -- [options]
  --mode LIST       ${MODES.join(', ')} or all (network)
  --client LIST     ${PAGES.join(', ')}: the page before the relay (unmodified); none leaves the relay out
  --peer LIST       stock (the unmodified page), register-on-connect: stock Socket.IO in the same run
  --identity LIST   ${IDENTITIES.join(', ')} (session)
  --clients N       tabs (${SHORT.clients})
  --seconds N       of faults; connecting and settling come on top (${SHORT.seconds})
  --seed N          (${SHORT.seed})
  --replicas N      (${SHORT.replicas})    --memory  one replica without Redis
  --through WAY     ${WAYS.join(', ')}: what leads pages to the replicas (${SHORT.through})
  --cut-every S     mean seconds between two cuts of a browser (${SHORT.cutEvery})    --refuse-for S  (${SHORT.refuseFor})
  --half-open P     share of cuts that the server is not told of (${SHORT.halfOpen})
  --pace S          mean seconds between two messages of a conversation (${SHORT.pace})
  --fsync WHEN      always or everysec: appendfsync of Redis (${SHORT.fsync})
  --drain S         RELAY_DRAIN_SECONDS (${SHORT.drainSeconds})
  --json FILE       the figures    --evidence FILE  the journals of pages that were shown something wrong
  --logs DIR        the replicas' logs
`;

/** @throws Error saying what is wrong with the arguments */
export function parsePlan(args: readonly string[]): Plan {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      mode: text,
      client: text,
      peer: text,
      identity: text,
      clients: text,
      seconds: text,
      seed: text,
      replicas: text,
      memory: { type: 'boolean' },
      through: text,
      'cut-every': text,
      'refuse-for': text,
      'half-open': text,
      pace: text,
      fsync: text,
      drain: text,
      json: text,
      evidence: text,
      logs: text,
    },
  });
  const base: Experiment = {
    ...SHORT,
    seed: number('seed', values.seed, SHORT.seed),
    clients: number('clients', values.clients, SHORT.clients),
    seconds: number('seconds', values.seconds, SHORT.seconds),
    replicas: values.memory ? 1 : number('replicas', values.replicas, SHORT.replicas),
    memory: values.memory ?? false,
    through: oneOf('through', values.through ?? SHORT.through, WAYS),
    fsync: oneOf('fsync', values.fsync ?? SHORT.fsync, ['always', 'everysec']),
    cutEvery: number('cut-every', values['cut-every'], SHORT.cutEvery),
    refuseFor: number('refuse-for', values['refuse-for'], SHORT.refuseFor),
    halfOpen: number('half-open', values['half-open'], SHORT.halfOpen),
    pace: number('pace', values.pace, SHORT.pace),
    drainSeconds: number('drain', values.drain, SHORT.drainSeconds),
    logs: values.logs,
  };
  const modes = values.mode === 'all' ? MODES : list('mode', values.mode ?? SHORT.mode, MODES);
  const pages = values.client === 'none' ? [] : list('client', values.client ?? SHORT.page, PAGES);
  const identities = list('identity', values.identity ?? SHORT.identity, IDENTITIES);
  const peers = values.peer === undefined ? [] : list('peer', values.peer, ['stock', 'register-on-connect'] as const);
  const experiments = modes.flatMap((mode) => [
    ...pages.flatMap((page) => identities.map((identity): Experiment => ({ ...base, mode, page, identity }))),
    ...peers.map((peer): Experiment => {
      return { ...base, mode, server: 'stock', page: peer === 'stock' ? 'unmodified' : peer };
    }),
  ]);
  if (
    experiments.some(
      ({ identity, page, server }) => server === 'relay' && identity === 'token' && page !== 'relay-client',
    )
  ) {
    throw new Error('--identity token is for --client relay-client: the page itself has no token');
  }
  return { experiments, json: values.json, evidence: values.evidence };
}

function number(name: string, given: string | undefined, fallback: number): number {
  const value = given === undefined ? fallback : Number(given);
  if (!Number.isFinite(value) || value < 0) {
    throw new Error(`--${name} takes a number, not ${given}`);
  }
  return value;
}

function list<T extends string>(name: string, given: string, allowed: readonly T[]): T[] {
  return given.split(',').map((item) => oneOf(name, item.trim(), allowed));
}

function oneOf<T extends string>(name: string, given: string, allowed: readonly T[]): T {
  const known = allowed.find((value) => value === given);
  if (known === undefined) {
    throw new Error(`--${name} takes ${allowed.join(', ')}, not ${given}`);
  }
  return known;
}
