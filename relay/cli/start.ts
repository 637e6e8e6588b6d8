import { destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from '../config.js';
import { createRelay, type Relay } from '../relay.js';
import { readConfig, reportProblems } from './environment.js';
import { createReload } from './reload.js';

/** `relay start`: runs until a signal ends it. Resolves with the exit status. */
export async function start(): Promise<number> {
  let settings: ReturnType<typeof readConfig>;
  try {
    settings = readConfig();
  } catch (error) {
    return reportProblems(error);
  }
  const { config, warnings } = settings;
  const log = createLog(config);
  for (const warning of warnings) log.warn(warning);
  const relay = await createRelay(config, log);
  const stopped = untilStopped(relay, log, createReload(relay, config, log));
  try {
    await announce(relay, config, log);
  } catch (error) {
    log.fatal({ err: error }, 'the relay could not start');
    await relay.close().catch((reason: unknown) => log.error({ err: reason }, 'not all that had started was closed'));
    // by itself the process would go on for whatever is open, and answer as if it had started
    return process.exit(1);
  }
  // everything is closed; left to itself the process would wait up to 30 s for a polling session whose browser
  // vanished, which Engine.IO closes with its next poll
  return process.exit(await stopped);
}

/** The Redis library's errors hold the command that failed, and so the message that it was to keep. */
const CONTENTS = ['err.command.args', 'err.*.command.args'];

/** JSON lines; pretty on a terminal. Synchronous, so that the last words of a crash are not lost. */
function createLog({ logLevel: level }: Config): Logger {
  const redact = { paths: CONTENTS, remove: true };
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact };
  if (process.stdout.isTTY) return pino(options, pretty({ sync: true, ignore: 'pid,hostname' }));
  return pino(options, destination({ sync: true }));
}

async function announce(relay: Relay, { production, redisUrl }: Config, log: Logger): Promise<void> {
  const addresses = await relay.listen();
  const store = redisUrl === undefined ? 'memory' : 'redis';
  log.info(
    { ...addresses, ...(production ? {} : { try: `${addresses.public}/try` }), store, replica: relay.replica },
    'the relay is up',
  );
  const curl = relay.curl();
  if (curl === undefined) return;
  const lines = [
    '',
    `  browsers connect to   ${addresses.public}`,
    `  PHP notifies          ${addresses.internal}`,
    `  try it                ${addresses.public}/try`,
    '',
    '  and paste this to see a message arrive there:',
    '',
    curl,
    '',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The first signal drains, a second one exits at once; SIGHUP reads secrets, origins and TLS files again. */
function untilStopped(relay: Relay, log: Logger, reload: () => void): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (signal: NodeJS.Signals) => {
      if (stopping) process.exit(1);
      stopping = true;
      log.info({ signal }, 'stopping');
      relay.close().then(
        () => {
          log.info('stopped');
          resolve(0);
        },
        (error: unknown) => {
          log.error({ err: error }, 'stopped with an error');
          resolve(1);
        },
      );
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('SIGHUP', reload);
    process.on('uncaughtException', (error, origin) => {
      if (origin === 'unhandledRejection' && isLostConnection(error))
        return log.warn({ err: error }, 'a command was lost');
      log.fatal({ err: error }, 'an error that nobody handled');
      process.exit(1);
    });
  });
}

/** The Redis library chooses its database by a command that it does not wait for. */
function isLostConnection({ name, message }: Error): boolean {
  return name === 'MaxRetriesPerRequestError' || message === 'Connection is closed.';
}
