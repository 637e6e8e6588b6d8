import { RelayError } from '../errors.js';
import { deviceName } from '../store/browser.js';
import type { Tokens } from '../tokens.js';
import type { Claims } from './claim.js';
import type { Identity } from './identity.js';
import type { Sessions } from './session.js';
import { identifyByToken } from './token.js';
import type { Who } from './who.js';

/** What a connection has shown so far, besides what `register_user` says. */
export interface Evidence {
  readonly cookie: string | undefined;
  readonly device: string | undefined;
}

/** The rules of who is believed (CONTRACT section 4), for one relay. */
export interface Registration {
  byToken(token: string): Identity;
  /** By what the browser sent along: the site's session, else the device that registered before. */
  byEvidence(evidence: Evidence): Promise<Identity | undefined>;
  /**
   * By what the page says. `known` is who the socket is already.
   * @throws RelayError `identity_mismatch`, `proof_missing`, `token_invalid`, `token_expired`
   */
  byWord(who: Who, known: Identity | undefined, evidence: Evidence): Promise<Identity>;
  /** A claim is believed, so that there is nothing to wait for. */
  readonly believesClaims: boolean;
  /** Cookies can prove something: before the upgrade they may still come. */
  readonly readsCookies: boolean;
}

export interface RegistrationOptions {
  readonly tokens: Tokens | undefined;
  readonly sessions: Sessions | undefined;
  readonly claims: Claims | undefined;
  readonly onMismatch: (claimed: string, known: Identity) => void;
}

export function createRegistration({ tokens, sessions, claims, onMismatch }: RegistrationOptions): Registration {
  function byToken(token: string): Identity {
    if (tokens === undefined)
      throw new RelayError('token_invalid', 'tokens are not accepted here: RELAY_IDENTITY names no token');
    return identifyByToken(tokens, token);
  }

  function agreeing(identity: Identity, claimed: string | undefined): Identity {
    if (claimed === undefined || claimed === identity.user) return identity;
    onMismatch(claimed, identity);
    throw new RelayError('identity_mismatch', `the ${identity.proof} is another user's`);
  }

  return {
    believesClaims: claims !== undefined,
    readsCookies: sessions !== undefined || claims !== undefined,
    byToken,
    async byEvidence({ cookie, device }) {
      const session = cookie === undefined ? undefined : await sessions?.identify(cookie);
      if (session !== undefined) return device === undefined ? session : withDevice(session, device);
      return device === undefined ? undefined : claims?.recall(device);
    },
    async byWord(who, known, { device }) {
      if (who.token !== undefined) return agreeing(byToken(who.token), who.user);
      if (known !== undefined && (known.proof !== 'claim' || who.user === undefined)) return agreeing(known, who.user);
      if (claims !== undefined && who.user !== undefined) return claims.believe(who.user, device);
      throw new RelayError('proof_missing', missing(tokens, sessions));
    },
  };
}

function withDevice(identity: Identity, device: string): Identity {
  return { ...identity, browser: [...identity.browser, deviceName(device)] };
}

function missing(tokens: Tokens | undefined, sessions: Sessions | undefined): string {
  const ways = [
    ...(tokens === undefined ? [] : ['a token (auth.token)']),
    ...(sessions === undefined ? [] : ["the site's session cookie of someone logged in"]),
  ];
  return `a user id alone is not believed; it takes ${ways.join(' or ') || 'a proof'}`;
}
