import { expect } from 'vitest';
import { type ChainOptions, chainOf } from '../../../relay/cli/chain.js';
import { examine } from '../../../relay/cli/examine.js';
import type { Finding, Verdict } from '../../../relay/cli/finding.js';
import { parseConfig } from '../../../relay/config.js';
import type { Relay, RelayEnv } from '../../support/relay.js';
import { SECRET } from '../../support/tokens.js';

export interface Circumstances {
  /** The settings that the doctor has; those of the relay unless told. */
  env?: RelayEnv;
  /** How far the clock of the doctor's machine is off, milliseconds. */
  clockOff?: number;
  /** As `--slow`, in less time. */
  idleSeconds?: number;
}

export interface Examination {
  readonly findings: readonly Finding[];
  /** What the check found and the lines to paste, as one text. */
  text(check: string): string;
  /** The checks of a verdict. */
  that(verdict: Verdict): string[];
}

/** The doctor's walk over the whole chain, in this process. */
export async function examineChain(
  relay: Pick<Relay, 'url' | 'internalUrl'>,
  options: ChainOptions = {},
  { env = {}, clockOff = 0, idleSeconds }: Circumstances = {},
): Promise<Examination> {
  const all = Object.entries({ RELAY_SECRET: SECRET, ...env }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as const],
  );
  const set: Record<string, string> = { PATH: process.env.PATH ?? '', ...Object.fromEntries(all) };
  const { config } = parseConfig({ env: set, readFile: () => '' });
  const chain = chainOf({ url: relay.url, internal: relay.internalUrl, ...options }, config, set);
  const findings: Finding[] = [];
  const told = { ...chain, idleSeconds, now: () => Date.now() + clockOff };
  await examine(told, (finding) => findings.push(finding));
  return {
    findings,
    text(check) {
      const found = findings.find((finding) => finding.check === check);
      expect(found, `${check} in ${findings.map((finding) => finding.check).join(', ')}`).toBeDefined();
      return `${found?.verdict} ${found?.message}\n${found?.mend.join('\n')}`;
    },
    that: (verdict) => findings.filter((finding) => finding.verdict === verdict).map(({ check }) => check),
  };
}
