/*
 * One <script> after the Socket.IO client (4.0 to 4.8), before the page's own. Nothing else on the page changes.
 *
 *   <meta name="relay-token" content="TOKEN">                     the token, or
 *   <script src="…/relay-client.js" data-token-url="/token.php">  where to fetch it: {"token": "…"} or plain text
 *   data-relay="https://host:3000"  on the same tag: only this host gets the token, whatever it is called
 *   window "relay:gap"              {user_id, cursor}: the inbox no longer reaches back, load again from MySQL
 */
(() => {
  const script = document.currentScript;
  const { tokenUrl, relay } = (script && script.dataset) || {};
  const proto = window.io && window.io.Socket && window.io.Socket.prototype;
  if (!proto || !proto.emitEvent) return warn('no Socket.IO client 4.x before this script, doing nothing');
  if (proto.relayClient) return;
  proto.relayClient = true;

  const SEEN_LIMIT = 2000;
  const RETRY_MIN_MS = 1000;
  const RETRY_MAX_MS = 30000;
  const FETCH_MS = 5000; // half of the relay's patience: without a token, the cookie is to come in time
  const TIMER_MAX_MS = 0x7fffffff;
  const CONNECT = 0;
  const CONNECT_ERROR = 4;
  const { onopen, onpacket, emitEvent, emit, disconnect } = proto;
  const states = new WeakMap();
  const live = new Set();

  function warn(text) {
    console.warn(`relay-client: ${text}`);
  }

  /* ---- which sockets: a page may talk to other Socket.IO servers too, and those must not be handed its token ---- */

  function hostOf(url) {
    try {
      return new URL(url, location.href).hostname;
    } catch (_error) {
      return '';
    }
  }

  // www.shop.example and relay.shop.example are one site; so is this machine by all its names; an address is only itself.
  const site = (host) => {
    if (/^(localhost|127\.[\d.]+|\[?::1\]?)$/.test(host)) return 'localhost';
    return /^[\d.]+$|:/.test(host) ? host : host.split('.').slice(-2).join('.');
  };

  function isRelay(host) {
    if (relay) return host === hostOf(relay);
    const known = [location.hostname, script && hostOf(script.src)].map((own) => site(own || ''));
    return known.includes(site(host));
  }

  function stateOf(socket) {
    if (!states.has(socket)) states.set(socket, { seen: new Set(), opens: 0, retries: 0 });
    return states.get(socket);
  }

  // Known only now: a page may make a socket long before it connects it.
  function place(socket, state) {
    const { hostname, port } = socket.io.engine;
    state.ours = isRelay(hostname);
    state.key = `relay:${hostname}:${port}${socket.nsp}:`;
    if (state.ours) live.add(socket);
    else if (!state.warned) warn(`${hostname} is left alone; if it is the relay, name it in data-relay`);
    state.warned = true;
    return state.ours;
  }

  /* ---- token ---- */

  let held;
  let written;
  let asking;
  let timer;

  function claims(token) {
    try {
      const bytes = atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'));
      return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
    } catch (_error) {
      return {};
    }
  }

  // A browser's clock may be hours off, so a token's life is counted from when it came, by its own `iat` where it has
  // one. A new token that looks expired shows such a clock; without the minute it would be fetched again without end.
  function hold(token) {
    const { exp, iat } = claims(token);
    const life = (exp - (iat || Date.now() / 1000)) * 1000;
    const ms = exp ? (life > 0 ? life : 60000) : Infinity;
    held = { token, until: Date.now() + ms };
    refreshIn(Math.max(RETRY_MIN_MS, ms * 0.8));
    return held;
  }

  function refreshIn(ms) {
    clearTimeout(timer);
    if (tokenUrl && ms < TIMER_MAX_MS) timer = setTimeout(refresh, ms);
  }

  function refresh() {
    ask().then(hand, () => refreshIn(RETRY_MAX_MS));
  }

  function hand() {
    live.forEach((socket) => {
      const state = stateOf(socket);
      if (!socket.active) live.delete(socket);
      else if (socket.connected && !state.ownToken) handTo(socket, state, held.token);
    });
  }

  // A socket that had to connect without a token, since PHP did not answer, is made known by the first that comes.
  function handTo(socket, state, token) {
    const { sub } = claims(token);
    if (state.token) socket.emit('refresh_token', token, handed);
    else if (!state.registered) emit.call(socket, 'register_user', name(state, { user_id: sub, token }, idOf(sub)));
    state.token = token;
  }

  function handed(answer) {
    if (answer && answer.error) held.until = 0;
  }

  // Read at every connect: a page that stays open for days may write a new token there itself.
  function readMeta() {
    const meta = document.querySelector('meta[name="relay-token"]');
    const now = meta && meta.content.trim();
    if (!now || now === written) return;
    written = now;
    hold(now);
  }

  // One request for all who wait, and an old browser that lacks something of it goes on without a token.
  function ask() {
    if (asking) return asking;
    const done = () => {
      asking = null;
    };
    asking = Promise.resolve().then(load);
    asking.then(done, done);
    return asking;
  }

  async function load() {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), FETCH_MS);
    const answer = await fetch(tokenUrl, { credentials: 'include', cache: 'no-store', signal: abort.signal });
    const text = answer.ok ? (await answer.text()).trim() : '';
    const token = text[0] === '{' ? JSON.parse(text).token : text;
    if (!token) throw new Error(`no token from ${tokenUrl}`);
    return hold(token);
  }

  // Without a token the connection is tried all the same: the relay may know the user by the site's cookie.
  function withToken(use) {
    readMeta();
    if (!tokenUrl || (held && Date.now() < held.until)) return use(held);
    const without = () => {
      refreshIn(RETRY_MIN_MS);
      use(held);
    };
    ask().then(use, without);
  }

  /* ---- cursor ---- */

  // A page that was loaded anew has its history from PHP, and a replay would show that again. So a cursor is good for
  // this one document (timeOrigin tells documents apart, also a duplicated tab's copy of the storage): for a page
  // that replaces its socket after a drop, or runs its scripts again without loading.
  const documentId = performance.timeOrigin;

  function stored(key, value) {
    try {
      if (value !== undefined) return sessionStorage.setItem(key, JSON.stringify([documentId, value]));
      const [id, cursor] = JSON.parse(sessionStorage.getItem(key)) || [];
      return id === documentId ? cursor : undefined;
    } catch (_error) {
      return undefined; // blocked or full: the socket's own memory still bridges its drops
    }
  }

  function move(state, cursor) {
    state.cursor = cursor;
    stored(state.key + state.user, cursor || null);
  }

  // A cursor is a place in one user's inbox and means nothing in another's.
  function cursorFor(state, user) {
    if (state.cursor) return user === undefined || user === state.user ? state.cursor : undefined;
    return user === undefined || !state.key ? undefined : stored(state.key + user);
  }

  /* ---- connect ---- */

  proto.onopen = function () {
    const state = stateOf(this);
    if (!place(this, state)) return onopen.call(this);
    const own = this.auth;
    const open = ++state.opens;
    state.registered = false;
    // A token may come late: by then this connection may be gone and the next one have its own answer.
    this.auth = (send) =>
      pageAuth(this, own, (page) =>
        withToken((token) => open === state.opens && this.active && send(authFor(state, page, token))),
      );
    try {
      onopen.call(this);
    } finally {
      this.auth = own;
    }
  };

  function pageAuth(socket, own, use) {
    if (typeof own === 'function') own.call(socket, (page) => use(page || {}));
    else use(own || {});
  }

  function authFor(state, page, token) {
    state.ownToken = Boolean(page.token);
    state.wantsMeta = Boolean(page.meta || page.cursor);
    state.token = page.token || (token && token.token);
    const { sub } = state.token ? claims(state.token) : {};
    const user = idOf(sub) || (state.who === undefined ? state.user : idOf(state.who));
    return name(state, Object.assign({}, page, state.token && { token: state.token }), user);
  }

  function name(state, target, user) {
    target.meta = true;
    const cursor = cursorFor(state, user);
    if (cursor) target.cursor = cursor;
    state.named = cursor;
    return target;
  }

  proto.onpacket = function (packet) {
    const state = states.get(this);
    if (!state || !state.ours || packet.nsp !== this.nsp) return onpacket.call(this, packet);
    if (packet.type === CONNECT) state.said = this.sendBuffer.some((waiting) => waiting.data[0] === 'register_user');
    onpacket.call(this, packet);
    if (packet.type === CONNECT && this.connected) registerAgain(this, state);
    if (packet.type === CONNECT_ERROR) retry(this, state, (packet.data || {}).data || {});
  };

  // With a token the relay registers the socket by itself; where it does not take tokens, the page's claim is needed.
  function registerAgain(socket, state) {
    const open = state.opens;
    const say = () => {
      if (state.said || state.registered || state.who === undefined) return;
      if (open === state.opens && socket.connected) socket.emit('register_user', state.who);
    };
    if (state.token) setTimeout(say, 2000);
    else say();
  }

  // Stock clients stay away for good after a refused handshake, though an old token or a draining relay mends itself.
  function retry(socket, state, { code }) {
    if (!code || /^(origin_refused|identity_mismatch)$/.test(code)) return;
    if (/^(token|proof)_/.test(code)) {
      if (!tokenUrl || state.ownToken) return;
      if (held) held.until = 0;
    }
    const open = state.opens;
    const delay = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** state.retries++) * (0.5 + Math.random());
    setTimeout(() => open === state.opens && !socket.connected && socket.connect(), delay);
  }

  proto.disconnect = function () {
    const state = states.get(this);
    if (state) {
      state.opens++;
      // The page left by itself, so what it shows when it comes back with a new socket is its own affair.
      if (this.connected && state.cursor) stored(state.key + state.user, null);
    }
    return disconnect.call(this);
  };

  /* ---- events ---- */

  function idOf(who) {
    const id =
      Object(who) === who
        ? ['user_id', 'userId', 'id', '_id', 'uid', 'user', 'username']
            .map((field) => who[field])
            .find((value) => value != null)
        : who;
    return id == null ? undefined : String(id);
  }

  proto.emit = function (event, ...args) {
    const who = args[0];
    if (event === 'register_user' && who != null && typeof who !== 'function') args[0] = registering(this, who);
    return emit.call(this, event, ...args);
  };

  function registering(socket, who) {
    const state = stateOf(socket);
    const object = Object(who) === who ? Object.assign({}, who) : { user_id: who };
    state.who = who;
    state.said = true;
    if (object.meta || object.cursor) state.wantsMeta = true;
    name(state, object, idOf(who));
    return state.named ? object : who;
  }

  // The last place before listeners of every kind, and the same in all versions.
  proto.emitEvent = function (args) {
    const state = states.get(this);
    if (!state || !state.ours) return emitEvent.call(this, args);
    if (args[0] === 'registered') registered(state, args[1]);
    if (args[0] === 'token_expired' && held && !state.ownToken) held.until = 0;
    const meta = state.user !== undefined && args.length > 2 && args[args.length - 1];
    if (!meta || typeof meta.cursor !== 'string') return emitEvent.call(this, args);
    if (!isNew(state.seen, `${args[0]} ${meta.id}`)) return;
    try {
      return emitEvent.call(this, state.wantsMeta ? args : args.slice(0, -1));
    } finally {
      // After the handlers, so that a page that dies in them gets the message again; but also when one of them
      // throws, since it would throw at every replay.
      move(state, meta.cursor);
    }
  };

  function isNew(seen, key) {
    if (seen.has(key)) return false;
    seen.add(key);
    if (seen.size > SEEN_LIMIT) seen.delete(seen.values().next().value);
    return true;
  }

  function registered(state, answer) {
    if (!answer || !answer.ok) return;
    const user = String(answer.user_id);
    const moved = state.user !== undefined && state.user !== user;
    if (moved) state.seen.clear();
    state.user = user;
    state.registered = true;
    state.retries = 0;
    // Else the place stays the old one until the messages come: a drop in a replay's midst must not skip the rest.
    const fresh = !state.cursor && !answer.replayed;
    if (moved || fresh || answer.recovered === false) move(state, answer.cursor);
    if (answer.recovered === false || (moved && state.named)) gap(answer);
  }

  function gap({ user_id, cursor }) {
    window.dispatchEvent(new CustomEvent('relay:gap', { detail: { user_id, cursor } }));
  }
})();
