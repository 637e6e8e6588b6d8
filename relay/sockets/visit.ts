/** What the requests of one Engine.IO connection told of the browser, from the handshake to the upgrade. */
export interface Visit {
  readonly address: string;
  readonly userAgent: string;
  /** The site's cookies: the upgrade of an unmodified page carries them, its polling does not. */
  cookie: string | undefined;
  /** The verified id of `relay_device`, or of the one that was just set. */
  device: string | undefined;
  /** Called when the upgrade request brought something new. */
  onEvidence: (() => void) | undefined;
}
