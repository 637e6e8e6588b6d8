import type { Socket as EngineSocket } from 'engine.io';

/**
 * Notes whether a poll was waiting when the client's close packet came. Engine.IO answers that poll before it emits
 * anything, so its handler is stepped in front of.
 */
export function watchPollingClose(conn: EngineSocket, on: { closedInPoll: boolean }): void {
  if (conn.transport.name !== 'polling') return;
  const transport = conn.transport as unknown as { readonly writable: boolean; onClose(): void };
  const onClose = transport.onClose.bind(transport);
  transport.onClose = () => {
    on.closedInPoll = transport.writable;
    onClose();
  };
}
