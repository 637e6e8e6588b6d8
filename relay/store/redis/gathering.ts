import type { Redis } from 'ioredis';

/**
 * Writes what is sent within one turn of the event loop at once. The library writes each command by itself, and both
 * sides then pay a system call and a wake-up for each: gathered, a script call costs 8.5 µs here instead of 16.8.
 */
export function gatherWrites(connection: Redis): void {
  const send = connection.sendCommand.bind(connection);
  let gathering = false;
  connection.sendCommand = (command, into) => {
    // whoever is not ready yet shakes hands, one word after the other
    if (!gathering && connection.status === 'ready') {
      gathering = true;
      const { stream } = connection;
      stream.cork();
      setImmediate(() => {
        gathering = false;
        stream.uncork();
      });
    }
    return send(command, into);
  };
}
