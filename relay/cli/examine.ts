import type { Payload } from '../messages/legacy-fields.js';
import { createTokens, type Tokens } from '../tokens.js';
import type { Canary } from './canary.js';
import type { Chain } from './chain.js';
import { checkBackend } from './checks/backend.js';
import { checkClock, skewOf } from './checks/clock.js';
import { checkDns } from './checks/dns.js';
import { checkExposedPaths, checkExposedPort } from './checks/exposure.js';
import { checkHandshake } from './checks/handshake.js';
import { checkIdle } from './checks/idle.js';
import { checkInternal, checkReady } from './checks/internal.js';
import { checkNotify } from './checks/notify.js';
import { checkOldNotifier } from './checks/old-notifier.js';
import { checkAllowedOrigin, checkForeignOrigin } from './checks/origin.js';
import { checkOutbox } from './checks/outbox.js';
import { checkPage } from './checks/page.js';
import { checkPolling } from './checks/polling.js';
import { checkReplicas } from './checks/replicas.js';
import { checkStore } from './checks/store.js';
import { checkTls } from './checks/tls.js';
import { checkToken } from './checks/token.js';
import { checkUpgrade } from './checks/upgrade.js';
import { type Tell, unchecked } from './finding.js';
import { createInternalApi, type InternalApi } from './internal-api.js';
import type { Line } from './polling.js';
import { type Proof, proofMaker } from './proof.js';

/**
 * Walks the chain in the order in which a message depends on it. One cause makes one FAIL: what can't work because of
 * it is told as not checked.
 */
export async function examine(chain: Chain, tell: Tell): Promise<void> {
  const line: Line = { url: chain.url, userAgent: 'relay-doctor' };
  const { upgrades, addresses } = await examinePublic(chain, line, tell);
  const inside = await examineInternal(chain, addresses, tell);
  if (!upgrades) tell(unchecked('notify', 'no page of the doctor gets through'));
  else if (!inside.writable) tell(unchecked('notify', 'Redis refuses to keep a message'));
  else await examineDelivery(chain, line, inside, tell);
  const { config, env, url, page } = chain;
  const sessions = config.identity.includes('session');
  if (config.backendUrl === undefined) tell(unchecked('backend', 'RELAY_BACKEND_URL is not set'));
  else for (const finding of await checkBackend(config.backendUrl, inside.tokens, sessions)) tell(finding);
  tell(await checkOutbox(env));
  if (page === undefined) tell(unchecked('page', 'give --page https://www.example.org/messages.php'));
  else for (const finding of await checkPage(page, url, config.allowEio3)) tell(finding);
}

async function examinePublic({ config, url, origin, now }: Chain, line: Line, tell: Tell) {
  const { finding, addresses } = await checkDns(url);
  tell(finding);
  if (addresses.length === 0) return { upgrades: false, addresses };
  const tls = await checkTls(url, origin, now);
  tell(tls.finding);
  if (!tls.usable) return { upgrades: false, addresses };
  const polling = await checkPolling(line);
  tell(polling);
  if (polling.verdict === 'FAIL') return { upgrades: false, addresses };
  const upgrade = await checkUpgrade(line);
  tell(upgrade);
  const upgrades = upgrade.verdict === 'ok';
  tell(await checkAllowedOrigin(line, origin, upgrades));
  tell(await checkForeignOrigin(line, origin));
  if (!upgrades) tell(unchecked('old notifier', 'no WebSocket gets through'));
  else tell(await checkOldNotifier(url, addresses, config));
  return { upgrades, addresses };
}

interface Inside {
  /** They sign by the relay's clock, so that a wrong one of this machine is one FAIL and hides no other. */
  readonly tokens: Tokens;
  readonly api: InternalApi;
  /** `undefined` while the relay does not believe us. */
  readonly stats: Payload | undefined;
  /** As far as the store says. */
  readonly writable: boolean;
}

async function examineInternal(chain: Chain, addresses: readonly string[], tell: Tell): Promise<Inside> {
  const { config, url, internal, now } = chain;
  const tokensAt = (clock: () => number) => createTokens(config.secret, config.previousSecret, clock);
  if (addresses.length > 0) {
    tell(await checkExposedPaths(url));
    tell(await checkExposedPort(url, addresses, Number(internal.url.port) || config.internalPort));
  }
  const { finding, answer } = await checkInternal(internal);
  tell(finding);
  const own = createInternalApi(internal, tokensAt(now));
  if (answer === undefined) return { tokens: tokensAt(now), api: own, stats: undefined, writable: true };
  tell(await checkReady(internal));
  const skew = skewOf(answer, now);
  tell(await checkClock(own, skew, now));
  const tokens = tokensAt(() => now() + skew);
  const api = createInternalApi(internal, tokens);
  const token = await checkToken(api, config);
  tell(token.finding);
  const { stats } = token;
  const stored = stats === undefined ? [] : checkStore(stats, config.production);
  for (const finding of stored) tell(finding);
  const writable = !stored.some(({ check, verdict }) => check === 'persistence' && verdict === 'FAIL');
  return { tokens, api, stats, writable };
}

async function examineDelivery(chain: Chain, line: Line, { tokens, api, stats }: Inside, tell: Tell): Promise<void> {
  const proofs = proofMaker(chain.config, tokens);
  const believed = stats === undefined ? undefined : proofs;
  const { finding, canary } = await checkHandshake(line, believed?.());
  tell(finding);
  if (canary === undefined) return;
  if (believed === undefined || stats === undefined) {
    canary.close();
    const sessions = 'RELAY_IDENTITY names neither token nor claim: no user can be made up, delivery is not checked';
    tell(unchecked('notify', proofs === undefined ? sessions : 'needs a token that the relay believes'));
    return;
  }
  await deliver(chain, line, { api, stats, canary, proofs: believed }, tell);
}

interface Delivery {
  readonly api: InternalApi;
  readonly stats: Payload;
  readonly canary: Canary;
  readonly proofs: () => Proof;
}

async function deliver({ idleSeconds }: Chain, line: Line, { api, stats, canary, proofs }: Delivery, tell: Tell) {
  tell(await checkNotify(api, canary));
  canary.close();
  tell(await checkReplicas(api, line, proofs, stats));
  if (idleSeconds === undefined) tell(unchecked('idle', 'takes 75 s: give --slow'));
  else tell(await checkIdle(line, proofs(), idleSeconds));
}
