export type Proof = 'token' | 'session' | 'claim';

/** Who a socket is, and why that is believed. */
export interface Identity {
  readonly user: string;
  readonly proof: Proof;
  /** Names under which the same browser is recognised after a drop: never the proof itself, but a hash of it. */
  readonly browser: readonly string[];
  /** When the proof ends, Unix seconds; a token's only. */
  readonly expires?: number;
}
