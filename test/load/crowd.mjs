/**
 * Many browsers with a session each, that connect all at once and come back as Socket.IO's client does: after 1 s,
 * 2 s, 4 s, at most 5 s, each times 0.5 to 1.5. Packets are written by hand, so that one process carries thousands.
 */
import { WebSocket } from 'ws';

const { RELAY_URL, CLIENTS } = process.env;
const url = `${RELAY_URL.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
const registered = new Set();
let attempts = 0;
let refused = 0;

function connect(user, tries) {
  attempts += 1;
  const headers = { cookie: `PHPSESSID=session-of-${user}`, origin: 'http://localhost' };
  const ws = new WebSocket(url, { headers, perMessageDeflate: false });
  ws.on('open', () => ws.send('40'));
  ws.on('message', (data) => {
    const packet = String(data);
    if (packet === '2') ws.send('3');
    else if (packet.startsWith('42["registered",{"ok":true')) enter(user);
  });
  ws.on('error', () => {
    refused += 1;
  });
  ws.on('close', () => {
    registered.delete(user);
    const wait = Math.min(5_000, 1_000 * 2 ** tries) * (0.5 + Math.random());
    setTimeout(() => connect(user, tries + 1), wait);
  });
}

function enter(user) {
  registered.add(user);
  if (registered.size === Number(CLIENTS)) process.stdout.write(`${JSON.stringify({ attempts, refused })}\n`);
}

// keeps it alive until it is told to begin, and no longer than any storm lasts
setTimeout(() => process.exit(1), 300_000);
process.once('SIGUSR2', () => {
  for (let user = 0; user < Number(CLIENTS); user += 1) connect(`crowd${user}`, 0);
});
process.stdout.write('ready\n');
