import type { Socket as EngineSocket } from 'engine.io';

/** Resolves when the transport wrote something, was replaced, or is gone. */
export function progress(conn: EngineSocket): Promise<void> {
  const { transport } = conn;
  return new Promise((resolve) => {
    const done = () => {
      transport.off('drain', done);
      conn.off('upgrade', done);
      conn.off('close', done);
      resolve();
    };
    transport.on('drain', done);
    conn.on('upgrade', done);
    conn.on('close', done);
  });
}
