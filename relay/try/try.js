/*
 * The page at `/try`: two people of a made-up site, side by side, both live. Served outside production only.
 *
 * What this page asks of the relay's public listener (all same-origin, JSON in UTF-8, `Cache-Control: no-store`):
 *
 * GET  /try            try.html
 * GET  /try/try.js     this file          GET /try/try.css    its style
 * GET  /relay-client.js, /socket.io/socket.io.min.js   as everywhere
 *
 * GET  /try/session    → 200
 *   {
 *     "users": [ {"id": "ada", "name": "Ada", "token": "<relay:client token, sub ada>", "cursor": "<cursor>" | null},
 *                {"id": "ben", "name": "Ben", "token": "…", "cursor": … } ],
 *     "conversation_id": "try",
 *     "curl": "curl … /notify …" | null,
 *     "docs": "https://…/README.md" | null
 *   }
 *   Asked again at every (re)connect and every few minutes: a fresh token and a fresh `curl` line each time (valid
 *   300 s, or as long as the line that `npm start` prints). Its message names "ada" and "ben" as recipients, has a
 *   `message.id` of its own, `conversation_id: "try"` and a `sender_id` that is neither of the two.
 *   `cursor` is the one *before* the oldest message the user's inbox still holds (a reload then shows this run's
 *   messages again by replay, since no PHP is there to give a history); null where the store cannot tell.
 *   `docs` is where "next steps" link to; null: the links go to the file names only.
 *   The relay knows conversation "try" with the members "ada" and "ben" by the time this is answered, so that
 *   `typing` and `watch_presence` work before the first message.
 *
 * POST /try/send       {"from": "ada", "to": "ben", "text": "hi"}   (1–2,000 characters, from ≠ to, both of the two)
 *   The relay makes the notify of it that a PHP page would have sent, and takes it the same way as `POST /notify`:
 *   {"id": "<made here>", "recipients": ["ben"], "sender": "ada",
 *    "message": {"id": "<the same>", "conversation_id": "try", "sender_id": "ada", "sender_name": "Ada",
 *                "sender_photo": "", "content": "hi", "sent_at": "<now, ISO>"}}
 *   → 200 with the notify's answer {"id", "duplicate", "delivered", "offline"}; else {"error": {"code", "message"}}
 *     and the status that `/notify` would have.
 *
 * GET  /try/trace/:id  → 200 as `GET /messages/:id/trace`: {"id", "accepted", "recipients": {"ben": {"accepted",
 *                        "delivered": [{"socket", "at"}], "confirmed": "<ISO>" | null}}}; 404 when unknown or when
 *                        neither "ada" nor "ben" is among its recipients. Times with milliseconds.
 */

const TYPING_EVERY_MS = 1500;
const TYPING_ENDS_MS = 3000;
const SESSION_FRESH_MS = 30_000;
const CURL_EVERY_MS = 120_000;
const TRACE_AFTER_MS = [60, 150, 300, 600, 1200, 2500, 5000];
const EVENTS_SHOWN = 30;

const byId = (id) => document.getElementById(id);
const panes = new Map();
const events = new Map();
let session;
let sessionAt = 0;

start().catch((error) => complain(`The relay did not answer: ${error.message}`));

async function start() {
  const { users, docs } = await freshSession();
  users.forEach((user, index) => {
    const other = users[1 - index];
    panes.set(user.id, openPane(user, other));
  });
  for (const pane of panes.values()) pane.connect();
  // Not every browser lets the keyboard into what scrolls by itself.
  for (const node of document.querySelectorAll('.scroll')) node.tabIndex = 0;
  linkDocs(docs);
  byId('copy').addEventListener('click', copyCurl);
  setInterval(() => freshSession().catch(withoutCurl), CURL_EVERY_MS);
  // On a phone it would open the keyboard over half the page.
  if (matchMedia('(pointer: fine)').matches) panes.values().next().value.focus();
}

// ---- session -------------------------------------------------------------------------------------------------------

async function freshSession() {
  if (Date.now() - sessionAt < SESSION_FRESH_MS) return session;
  session = await getJson('/try/session');
  sessionAt = Date.now();
  byId('curl-box').hidden = !session.curl;
  byId('curl').textContent = session.curl || '';
  return session;
}

/** A line that has grown old would be refused, which is a bad first impression: better none. */
function withoutCurl() {
  byId('curl-box').hidden = true;
}

async function getJson(path, options) {
  const answer = await fetch(path, { cache: 'no-store', ...options });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  throw Object.assign(new Error(body.error ? body.error.message : `HTTP ${answer.status}`), { status: answer.status });
}

/** A clone that is published nowhere has its README beside it, and no address to link to. */
function linkDocs(docs) {
  for (const link of document.querySelectorAll('.next a')) {
    const { hash } = link;
    if (docs) link.href = docs + hash;
    else link.removeAttribute('href');
  }
}

async function copyCurl() {
  const button = byId('copy');
  try {
    await navigator.clipboard.writeText(byId('curl').textContent);
    button.textContent = 'Copied';
  } catch (_notAllowed) {
    // No clipboard without TLS on other hosts than localhost: selected, it is one key away.
    getSelection().selectAllChildren(byId('curl'));
    button.textContent = 'Press Ctrl+C';
  }
  setTimeout(() => (button.textContent = 'Copy'), 2000);
}

function complain(text) {
  byId('alert').textContent = text;
  byId('alert').hidden = !text;
}

const done = (id) => byId(id).classList.add('done');

// ---- a pane: one person, one connection ----------------------------------------------------------------------------

function openPane(user, other) {
  const view = paneView(user, other);
  const pane = { user, other, view, wasAway: false, history: -1, focus: () => view.input.focus() };
  // Apart from each other like two browsers: by default both would share one connection, and so one token.
  pane.socket = io({ autoConnect: false, forceNew: true, auth: (send) => handshake(user.id, send) });
  pane.connect = () => pane.socket.connect();
  listen(pane);
  view.form.addEventListener('submit', (event) => {
    event.preventDefault();
    void submit(pane);
  });
  view.input.addEventListener('input', typingSender(pane));
  view.toggle.addEventListener('click', () => toggle(pane));
  byId('panes').append(view.root);
  return pane;
}

function handshake(id, send) {
  const mine = () => session.users.find((user) => user.id === id);
  freshSession().then(
    () => send(pick(mine())),
    () => send(pick(mine())),
  );
}

/** From the cursor before all others: nobody's PHP keeps a history for this page, so the relay's inbox is it. */
const pick = ({ token, cursor }) => (cursor ? { token, cursor } : { token, meta: true });

function listen(pane) {
  const { socket, view } = pane;
  socket.on('registered', (answer) => registered(pane, answer));
  socket.on('receive_message', (message, meta) => arrived(pane, message, meta));
  socket.on('message_sent', (sent, meta) => sent.success && arrived(pane, sent.message, meta));
  socket.on('user_typing', ({ user_id, is_typing }) => user_id === pane.other.id && view.typing(is_typing));
  socket.on('user_online', ({ user_id }) => user_id === pane.other.id && view.presence(true));
  socket.on('user_offline', ({ user_id }) => user_id === pane.other.id && view.presence(false));
  socket.on('relay_error', ({ message }) => complain(message));
  socket.on('disconnect', (reason) => view.state(reason === 'io client disconnect' ? 'away' : 'lost'));
  socket.on('connect_error', (error) => view.state('lost', error.data ? error.data.code : ''));
}

function registered(pane, answer) {
  if (!answer.ok) return complain(answer.error.message);
  complain('');
  pane.view.state('live');
  if (pane.history < 0) pane.history = answer.replayed;
  else if (pane.wasAway && answer.replayed > 0) done('did-away');
  pane.wasAway = false;
  pane.socket.emit('watch_presence', [pane.other.id], (seen) => {
    if (seen?.[pane.other.id]) pane.view.presence(seen[pane.other.id].online);
  });
  for (const event of events.values()) trace(event);
}

function toggle(pane) {
  if (pane.socket.active) {
    pane.wasAway = true;
    pane.socket.disconnect();
    pane.view.state('away');
  } else {
    pane.view.state('lost');
    pane.socket.connect();
  }
}

function typingSender(pane) {
  let sentAt = 0;
  let ends;
  const say = (is_typing) =>
    pane.socket.connected &&
    pane.socket.emit('typing', { conversation_id: session.conversation_id, user_id: pane.user.id, is_typing });
  const stop = () => {
    clearTimeout(ends);
    if (sentAt) say(false);
    sentAt = 0;
  };
  pane.stopTyping = stop;
  return () => {
    if (!pane.view.input.value) return stop();
    clearTimeout(ends);
    ends = setTimeout(stop, TYPING_ENDS_MS);
    if (Date.now() - sentAt < TYPING_EVERY_MS) return;
    sentAt = Date.now();
    say(true);
  };
}

async function submit(pane) {
  const text = pane.view.input.value.trim();
  if (!text) return;
  pane.view.input.value = '';
  pane.stopTyping();
  try {
    const from = performance.now();
    const answer = await getJson('/try/send', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ from: pane.user.id, to: pane.other.id, text }),
    });
    const answered = Math.round(performance.now() - from);
    const sent_at = new Date().toISOString();
    pane.view.show({ id: answer.id, sender_id: pane.user.id, sender_name: pane.user.name, content: text, sent_at });
    record(answer.id, { from: pane.user.name, sender: pane.user.id, text, answered });
    done('did-send');
  } catch (error) {
    pane.view.input.value = text;
    complain(`Not sent: ${error.message}`);
  }
}

function arrived(pane, message, meta) {
  const id = String(meta?.id ?? message.id);
  pane.view.show({ ...message, id });
  if (pane.history > 0) return void pane.history--;
  if (!panes.has(String(message.sender_id))) done('did-curl');
  const sender = String(message.sender_id);
  record(id, { from: message.sender_name || sender, sender, text: message.content });
}

function paneView(user, other) {
  const root = byId('pane').content.firstElementChild.cloneNode(true);
  const find = (selector) => root.querySelector(selector);
  const talk = find('.talk');
  const shown = new Map();
  let typingEnds;
  root.dataset.user = user.id;
  root.setAttribute('aria-label', `${user.name}’s window`);
  find('.face').textContent = user.name[0];
  find('h2').textContent = user.name;
  find('label').textContent = `Message from ${user.name} to ${other.name}`;
  find('label').htmlFor = find('input').id = `text-${user.id}`;
  find('input').placeholder = `Write to ${other.name}`;
  find('.empty').textContent = `${user.name} has no messages yet.`;
  find('.switch').setAttribute('aria-label', `${user.name} is online`);
  talk.setAttribute('aria-label', `Messages ${user.name} sees`);

  return {
    root,
    form: find('form'),
    input: find('input'),
    toggle: find('.switch'),
    show(message) {
      if (shown.has(message.id)) return;
      find('.empty').hidden = true;
      const bubble = bubbleOf(message, user.id);
      shown.set(message.id, bubble);
      talk.append(bubble);
      talk.scrollTop = talk.scrollHeight;
      if (message.sender_id === other.id) this.typing(false);
    },
    typing(on) {
      clearTimeout(typingEnds);
      find('.typing').textContent = on ? `${other.name} is typing` : '';
      if (on) typingEnds = setTimeout(() => this.typing(false), TYPING_ENDS_MS + TYPING_EVERY_MS);
    },
    presence(online) {
      root.dataset.other = online ? 'online' : 'offline';
      this.say();
    },
    state(name, detail = '') {
      root.dataset.state = name;
      root.dataset.detail = detail;
      find('.switch').setAttribute('aria-checked', String(name !== 'away'));
      find('.switch-text').textContent = name === 'away' ? 'offline' : 'online';
      if (name !== 'live') this.typing(false);
      this.say();
    },
    say() {
      const { state, detail, other: seen } = root.dataset;
      const sees = seen ? `, sees ${other.name} ${seen}` : '';
      const words = { live: `connected${sees}`, away: 'offline, messages wait', lost: 'reconnecting' };
      find('.state-text').textContent = (words[state] || 'connecting') + (detail ? ` (${detail})` : '');
    },
  };
}

function bubbleOf(message, self) {
  const mine = String(message.sender_id) === self;
  const bubble = element('div', mine ? 'bubble mine' : 'bubble');
  if (!mine) bubble.dataset.from = String(message.sender_id);
  const known = panes.has(String(message.sender_id));
  if (!known) bubble.append(element('b', 'from', message.sender_name || String(message.sender_id)));
  bubble.append(element('span', 'text', String(message.content)));
  // A notification that is written by hand may lack the time.
  const at = new Date(message.sent_at || Date.now());
  const time = element('time', '', at.toLocaleTimeString([], { timeStyle: 'short' }));
  time.dateTime = at.toISOString();
  bubble.append(time);
  return bubble;
}

function element(tag, className, text = '') {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

// ---- what just happened --------------------------------------------------------------------------------------------

function record(id, { from, sender, text, answered }) {
  const event = events.get(id) || newEvent(id, from, sender, text);
  if (answered !== undefined) event.answer.textContent = `answered in ${answered} ms`;
  trace(event);
}

function newEvent(id, from, sender, text) {
  const root = element('li', 'event');
  const head = element('p', 'event-head');
  const answer = element('span', 'answer');
  const steps = element('div', 'steps');
  head.append(element('b', '', from), element('span', 'event-text', text), answer);
  root.append(head, steps);
  byId('events').prepend(root);
  byId('events-empty').hidden = true;
  const event = { id, sender, root, answer, steps, settled: false, tries: 0 };
  events.set(id, event);
  if (events.size > EVENTS_SHOWN) forgetOldest();
  return event;
}

function forgetOldest() {
  const [id, event] = events.entries().next().value;
  event.root.remove();
  events.delete(id);
}

/** Asks until every recipient has confirmed; one who is away is asked after again when somebody registers. */
function trace(event) {
  if (event.settled) return;
  clearTimeout(event.timer);
  event.tries = 0;
  traceLater(event);
}

function traceLater(event) {
  const wait = TRACE_AFTER_MS[event.tries++];
  if (wait === undefined) return;
  event.timer = setTimeout(async () => {
    await traceOnce(event);
    if (!event.settled) traceLater(event);
  }, wait);
}

async function traceOnce(event) {
  try {
    const { accepted, recipients } = await getJson(`/try/trace/${encodeURIComponent(event.id)}`);
    // The echo in the sender's own tabs is not what one waits for.
    const people = Object.entries(recipients).filter(([id]) => id !== event.sender);
    event.steps.replaceChildren(...people.map(([id, path]) => pathOf(id, accepted, path)));
    event.settled = people.every(([, path]) => path.confirmed);
  } catch (error) {
    event.steps.replaceChildren(element('span', 'quiet', `no trace: ${error.message}`));
  }
}

function pathOf(id, accepted, path) {
  const name = panes.has(id) ? panes.get(id).user.name : id;
  const first = path.delivered.length ? path.delivered[0].at : null;
  const row = element('div', 'row');
  row.dataset.user = id;
  row.append(
    element('span', 'to', `to ${name}`),
    step('accepted', clock(path.accepted || accepted), true),
    first ? step('delivered', since(accepted, first), true) : step('waits in the inbox', '', false),
    step('confirmed', path.confirmed ? since(first || accepted, path.confirmed) : '', Boolean(path.confirmed)),
  );
  return row;
}

function step(name, when, reached) {
  const node = element('span', reached ? 'step reached' : 'step');
  node.append(element('i', ''), element('span', 'step-name', name), element('span', 'step-when', when));
  return node;
}

const clock = (iso) =>
  new Date(iso).toLocaleTimeString([], {
    hour12: false,
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
  });

function since(from, to) {
  const ms = Math.max(0, Date.parse(to) - Date.parse(from));
  return ms < 1000 ? `+${ms} ms` : `+${(ms / 1000).toFixed(1)} s`;
}
