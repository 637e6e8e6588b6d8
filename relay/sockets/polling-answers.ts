import type { ServerResponse } from 'node:http';
import type { Socket as EngineSocket } from 'engine.io';

/** What Engine.IO's types leave out. */
interface PollingInternals {
  /** Of the poll that waits. */
  readonly res: ServerResponse;
  doWrite(data: unknown, options: unknown, callback: Written): void;
}

type Written = (error?: Error) => void;

/** How long the last answer may take to go out once its connection has ended, milliseconds. */
const GOODBYE = 5_000;

/**
 * Has a poll count as answered when the answer has gone out, and not when it is handed over to be sent. Engine.IO takes
 * no other poll until then, so that of a client which reads nothing one answer waits, and not one on each connection that
 * it opens. Who has read an answer asks after it has gone out.
 */
export function watchPollingAnswers(conn: EngineSocket): void {
  if (conn.transport.name !== 'polling') return;
  const transport = conn.transport as unknown as PollingInternals;
  const doWrite = transport.doWrite.bind(transport);
  transport.doWrite = (data, options, callback) => {
    const { res } = transport;
    doWrite(data, options, (error) => {
      if (res.writableFinished || res.closed) callback(error);
      else whenOut(conn, res, () => callback(error));
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
