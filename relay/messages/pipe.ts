import type { Packet } from './packet.js';

export interface PingsOf<By, Mark> {
  sent(by: By): Mark;
  answered(by: By, mark: Mark): void;
}

/** The way to one browser tab, whatever its transport. */
export interface Pipe {
  /** With `ping`, an Engine.IO ping goes out behind it. */
  send(packet: Packet, ping?: boolean): void;
  /** Bytes that are queued here and not yet taken by the kernel. */
  buffered(): number;
  /** Resolves when half of what may be queued is free again, or the pipe is closed. */
  drained(): Promise<void>;
  /** Sends an Engine.IO ping behind what was sent before. */
  ping(): void;
  /**
   * `sent` is called for every ping, the regular heartbeat included, and its result given to `answered` when the pong
   * comes: pongs answer pings first in, first out. Both are told `by` whom they were asked, so that one pair of them
   * does for all pipes.
   */
  onPings<By, Mark>(pings: PingsOf<By, Mark>, by: By): void;
  /** Closes in the way that makes an unmodified client reconnect. */
  close(reason: string): void;
}
