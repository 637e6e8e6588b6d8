import type { ServerResponse } from 'node:http';
import type { Socket as EngineSocket } from 'engine.io';

/** What Engine.IO's types leave out. */
interface PollingInternals {
  /** Of the poll that waits. */
  readonly res: ServerResponse;
  doWrite(data: string | Buffer, options: unknown, callback: (error?: Error) => void): void;
}

/** How long an answer may take to go out once its session has ended, milliseconds. */
const GOODBYE = 5_000;

/** One that is on its way. */
interface Answer {
  readonly bytes: number;
  counted: boolean;
  out: boolean;
}

/**
 * Counts the bytes of answers to polls that have not gone out, but for the last one, which every page is just reading: a
 * client that opens one connection after the other, and reads none of the answers, would leave them all in memory. Those
 * that are on their way when the session ends are dropped after `GOODBYE`.
 *
 * @param add takes the bytes of an answer, and the same below 0 when it has gone out
 */
export function watchPollingAnswers(conn: EngineSocket, add: (bytes: number) => void): void {
  if (conn.transport.name !== 'polling') return;
  const transport = conn.transport as unknown as PollingInternals;
  const doWrite = transport.doWrite.bind(transport);
  let last: Answer | undefined;

  function count(answer: Answer | undefined): void {
    if (answer === undefined || answer.counted || answer.out) return;
    answer.counted = true;
    add(answer.bytes);
  }

  transport.doWrite = (data, options, callback) => {
    const { res } = transport;
    doWrite(data, options, callback);
    count(last);
    last = undefined;
    if (res.writableFinished || res.closed) return;
    const answer = { bytes: Buffer.byteLength(data), counted: false, out: false };
    last = answer;
    whenOut(conn, res, () => {
      answer.out = true;
      if (answer.counted) add(-answer.bytes);
    });
  };
}

function whenOut(conn: EngineSocket, answer: ServerResponse, then: () => void): void {
  let patience: NodeJS.Timeout | undefined;
  const giveUp = () => {
    patience = setTimeout(() => answer.destroy(), GOODBYE);
  };
  const out = () => {
    answer.off('finish', out).off('close', out);
    conn.off('close', giveUp);
    clearTimeout(patience);
    then();
  };
  answer.on('finish', out).on('close', out);
  if (conn.readyState === 'closed') giveUp();
  else conn.once('close', giveUp);
}
