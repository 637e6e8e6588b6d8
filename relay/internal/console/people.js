// Looks somebody up, sends them a test message, sends them away.

import { byId, element, fillPairs, fillTable, scrolling } from './elements.js';
import { call, mayAct } from './session.js';
import { clock, count, many, short } from './words.js';

/** Who is shown; `undefined` for nobody. */
let user;

export function servePeople({ attempt, trace }) {
  byId('user-form').addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(byId('user-result'), () => lookUp(byId('user').value.trim(), trace));
  });
  byId('user-actions').addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(byId('action-result'), () => sendTest(trace));
  });
  byId('disconnect').addEventListener('click', () => {
    byId('confirm-title').textContent = `Disconnect user ${user}?`;
    byId('confirm').returnValue = 'no';
    byId('confirm').showModal();
  });
  byId('confirm').addEventListener('close', () => {
    if (byId('confirm').returnValue === 'yes') attempt(byId('action-result'), () => disconnect(trace));
  });
}

export function forgetPeople() {
  user = undefined;
  for (const id of ['user-result', 'action-result']) byId(id).replaceChildren();
  byId('user-actions').hidden = true;
}

async function lookUp(id, trace) {
  forgetPeople();
  const found = await call(`/users/${encodePath(id)}`);
  user = found.user;
  show(found, trace);
  byId('user-actions').hidden = !mayAct();
  if (!mayAct())
    byId('action-result').textContent = 'A token can only look. Sign in with the secret to send or disconnect.';
}

function show({ user: id, online, last_seen: lastSeen, sockets, inbox }, trace) {
  const seen = online
    ? `online, ${many(sockets.length, 'socket')}`
    : lastSeen === null
      ? 'offline'
      : `offline since ${clock(lastSeen)}`;
  const pairs = element('dl', { className: 'pairs' });
  fillPairs(pairs, [
    ['User', id],
    ['State', seen, '', online ? 'good' : ''],
    ['Inbox', many(inbox.length, 'message')],
    ['Newest cursor', inbox.cursor ?? 'none'],
  ]);
  const nodes = [pairs];
  if (sockets.length > 0) nodes.push(socketsTable(sockets));
  if (inbox.newest.length > 0) nodes.push(element('h3', {}, 'Newest in the inbox'), newestList(inbox.newest, trace));
  byId('user-result').replaceChildren(...nodes);
}

function socketsTable(sockets) {
  const table = element('table');
  const rows = sockets.map(({ id, replica, since, address, user_agent: agent, transport, confirmed, behind }) => {
    const far = behind === null ? '' : behind === 0 ? ' (all)' : ` (${count(behind)} to go)`;
    return [
      short(id),
      address,
      transport,
      short(replica),
      clock(since),
      confirmed === null ? '–' : confirmed + far,
      agent,
    ];
  });
  fillTable(table, ['Socket', 'Address', 'Transport', 'Replica', 'Since', 'Confirmed', 'Agent'], rows);
  return scrolling(element('div', {}, table), 'Sockets');
}

function newestList(newest, trace) {
  const items = newest.map(({ id, event, accepted }) => {
    const button = element('button', { type: 'button', className: 'link' }, id);
    button.addEventListener('click', () => trace(id));
    return element('li', {}, `${clock(accepted)} ${event} `, button);
  });
  return element('ul', {}, ...items);
}

async function sendTest(trace) {
  const kept = byId('test-kept').checked;
  const id = `console-test-${crypto.randomUUID()}`;
  const message = {
    id,
    sender_name: 'Relay console (test)',
    sender_photo: '',
    content: byId('test-text').value,
    sent_at: new Date().toISOString(),
    test: true,
  };
  const { delivered } = await call('/notify', { id, recipients: [user], durable: kept, message });
  const where =
    delivered.length > 0
      ? 'They have a socket: it was sent there.'
      : kept
        ? 'They are offline: it waits.'
        : 'They are offline: it is gone.';
  const result = byId('action-result');
  result.replaceChildren(`${where} `);
  if (!kept) return;
  const button = element('button', { type: 'button', className: 'link' }, `Trace ${id}`);
  button.addEventListener('click', () => trace(id));
  result.append(button);
}

async function disconnect(trace) {
  const gone = user;
  const { closed } = await call('/disconnect', { user: gone, reason: byId('reason').value });
  await lookUp(gone, trace);
  byId('action-result').textContent = `Closed ${many(closed, 'socket')} of ${gone}.`;
}

/** A path of dots alone would be folded before it is sent. */
const encodePath = (id) => encodeURIComponent(id).replaceAll('.', '%2E');
