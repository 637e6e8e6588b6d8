import { deferred } from './deferred.js';
import { textFrame } from './frames.js';
import { connectPacket, type OpenPage, PATH, type PageOptions, takeEvent } from './page.js';
import { openRequests, type Requests } from './requests.js';
import { openWebSocket } from './web-socket.js';

const SEPARATOR = '\x1e';
const PONG = textFrame('3');
const NOOP = '6';

/** As an unmodified page comes: it polls, registers, and goes over to WebSocket. Resolves after that. */
export const openPollingPage: OpenPage = async (options) => {
  const { port, user } = options;
  const [reading, writing] = await Promise.all([openRequests(port), openRequests(port)]);
  try {
    const { sid } = JSON.parse((await reading.ask('GET', `${PATH}polling`)).slice(1)) as { sid: string };
    const path = `${PATH}polling&sid=${sid}`;
    await writing.ask('POST', path, connectPacket(user));
    await pollUntilRegistered(reading, path, options);
    return { close: await goOver(reading, path, sid, options) };
  } finally {
    reading.close();
    writing.close();
  }
};

async function pollUntilRegistered(reading: Requests, path: string, { onEvent }: PageOptions): Promise<void> {
  let registered = false;
  while (!registered) {
    for (const packet of (await reading.ask('GET', path)).split(SEPARATOR)) {
      takeEvent(packet, onEvent, () => {
        registered = true;
      });
    }
  }
}

/** The probe, then the end of the last poll, then the upgrade: the order that Engine.IO demands. */
async function goOver(reading: Requests, poll: string, sid: string, options: PageOptions): Promise<() => void> {
  const { port, user, onEvent, onLost } = options;
  let open = false;
  const probed = deferred<void>();
  const lastPoll = reading.ask('GET', poll);
  const line = await openWebSocket({
    port,
    path: `${PATH}websocket&sid=${sid}`,
    onText(packet) {
      if (packet === '2') line.sendFrame(PONG);
      else if (packet === '3probe') probed.resolve();
      else takeEvent(packet, onEvent, () => undefined);
    },
    onEnd(error) {
      const reason = error ?? new Error(`the server closed the connection of user ${user}`);
      probed.reject(reason);
      if (open) onLost(reason);
    },
  });
  line.send('2probe');
  await probed.promise;
  const last = await lastPoll;
  if (last !== NOOP) throw new Error(`the last poll of user ${user} was answered ${last}`);
  line.send('5');
  open = true;
  return () => {
    open = false;
    line.destroy();
  };
}
