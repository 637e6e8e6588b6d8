import type { RelayError } from '../errors.js';
import type { Rate } from '../rate.js';

/** What the requests of one Engine.IO connection told of the browser, from the handshake to the upgrade. */
export interface Visit {
  readonly address: string;
  readonly userAgent: string;
  readonly origin: string | undefined;
  /** It sent `X-Forwarded-For`. */
  readonly forwarded: boolean;
  /** ElephantIO from a listed address: it comes the stock way and counts as PHP. */
  readonly notifier: boolean;
  /** The site's cookies: the upgrade of an unmodified page carries them, its polling does not. */
  cookie: string | undefined;
  /** The verified id of `relay_device`, or of the one that was just set. */
  device: string | undefined;
  /** Called when the upgrade request brought something new. */
  onEvidence: (() => void) | undefined;
  /** Whether it came within the caps, `undefined` before it was counted. */
  admitted: 'within' | RelayError | undefined;
  /** It asked for a socket and got one: its end is told as the socket's. */
  becameSocket: boolean;
  /** It has asked for a socket. */
  asked: boolean;
  /** Of packets that are no events, after the one that asks for a socket: most have no other. */
  packets: Rate | undefined;
  /** Bytes of the event that is coming in. */
  size: number;
}
