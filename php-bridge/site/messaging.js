/* The messaging page, in the shape of the old one: `register_user` once at page load and never in a connect handler,
 * no acks, what comes twice is shown twice, one's own message only when `message_sent` brings it. What is ours and not
 * the old page's stands under "Additions" and uses events of its own.
 *
 * Everything that people wrote reaches the document through textContent or an attribute, here and nowhere else: that
 * is the one place where text is made safe, so what is stored, sent and kept in memory is the text as it was typed. */

const page = JSON.parse(document.getElementById('page-data').textContent);
const currentUserId = page.user.user_id;
const state = {
  conversations: page.conversations,
  openId: null,
  messages: [],
  fromHistory: new Set(),
  loading: false,
  waiting: [],
  posting: Promise.resolve(),
  online: new Map(),
  typing: new Map(),
  unread: new Map(),
};

const at = (id) => document.getElementById(id);
const socket = connect();

socket.on('receive_message', (message) => {
  showMessage(message);
  stoppedTyping(message.conversation_id, message.sender_id);
});

socket.on('message_sent', (answer) => {
  if (!answer.success) {
    notSent(answer.error || 'The message was not sent.');
    return;
  }
  showMessage(answer.message);
  arrived(answer.message);
});

socket.on('messages_loaded', (answer) => {
  if (!answer.success || Number(answer.conversation_id) !== state.openId) return;
  historyLoaded(answer.messages);
});

socket.on('conversation_created', (answer) => {
  if (!answer.success) {
    notice(answer.error || 'The conversation could not be opened.');
    return;
  }
  if (!conversationOf(answer.conversation_id)) socket.emit('getAllConversations', currentUserId);
  openConversation(Number(answer.conversation_id), { name: answer.recipient_username, photo: answer.recipient_photo });
});

socket.on('user_typing', (who) => {
  if (who.is_typing) startedTyping(who.conversation_id, who.user_id);
  else stoppedTyping(who.conversation_id, who.user_id);
});

socket.on('unreadCount', (answer) => {
  const count = answer.unreadCount;
  at('unread-count').textContent = String(count);
  at('unread-count').hidden = count === 0;
  document.title = count > 0 ? `(${count}) Messages` : 'Messages';
});

socket.on('unreadConversations', (answer) => {
  state.unread = new Map(answer.conversations.map((one) => [Number(one.conversation_id), one.unread_count]));
  renderConversations();
});

socket.on('conversationParticipants', (answer) => {
  if (!answer.success) return;
  // Compared with !== to a number, as the old page does: an id that came as a string would show here at once.
  const others = answer.participants.filter((id) => id !== currentUserId);
  at('peer-state').dataset.members = String(others.length + 1);
  renderPeer();
});

socket.on('allConversations', (answer) => {
  state.conversations = answer.conversations;
  state.unread = new Map(answer.conversations.map((one) => [one.conversation_id, one.unread_count]));
  renderConversations();
  renderPeer();
  watchPresence();
});

socket.on('search_results', (answer) => renderSearch(answer));

socket.on('messages_marked_read', () => refreshUnread());

start();

function connect() {
  if (typeof io === 'undefined') {
    notice('Live updates are not available: the Socket.IO script did not load. Reload the page to see new messages.');
    const ignore = () => undefined;
    return { on: ignore, emit: ignore };
  }
  const created = io(page.relayUrl || window.location.origin);
  created.emit('register_user', currentUserId);
  return created;
}

function start() {
  state.unread = new Map(page.conversations.map((one) => [one.conversation_id, one.unread_count]));
  at('me').append(photo(page.user, false), text('span', page.user.username, 'name'));
  socket.emit('getUnreadCount', currentUserId);
  socket.emit('getUnreadConversations', currentUserId);
  setInterval(() => socket.emit('getUnreadCount', currentUserId), 30000);
  renderConversations();
  if (page.openId !== null) {
    openConversation(page.openId, null, false);
    if (page.messages.length > 0) renderHistory(page.messages);
  }
}

/* Messages */

function showMessage(message) {
  // Before anything else, and without a net, like the old page: a time without its T ends here with an exception.
  const time = timeOf(message.sent_at);
  noteInList(message);
  if (Number(message.conversation_id) !== state.openId) {
    refreshUnread();
    return;
  }
  // Saved before the history was read, handed over after it: the history has it.
  if (state.fromHistory.has(message.id)) return;
  state.messages.push(message);
  appendMessage(message, time);
  if (Number(message.sender_id) !== currentUserId) markRead();
}

function timeOf(sentAt) {
  const [date, clock] = sentAt.split('T');
  const day = new Date(`${date}T${clock.includes('Z') ? clock : `${clock}Z`}`);
  return {
    day: day.toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long' }),
    clock: day.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' }),
    value: day,
  };
}

function appendMessage(message, time) {
  const list = at('messages');
  const scroll = at('scroll');
  const wasAtEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 120;
  const mine = Number(message.sender_id) === currentUserId;
  const last = list.lastElementChild;
  if (!last || last.dataset.day !== time.day) list.append(text('li', time.day, 'day'));
  const goesOn = last && last.dataset.day === time.day && last.dataset.sender === String(message.sender_id);
  const item = document.createElement('li');
  item.className = `message${mine ? ' mine' : ''}${goesOn ? ' goes-on' : ''}`;
  item.dataset.messageId = message.id;
  item.dataset.sender = message.sender_id;
  item.dataset.day = time.day;
  if (!goesOn && !mine && isGroup()) item.append(text('span', message.sender_name, 'who'));
  else if (!goesOn) item.append(text('span', mine ? 'You' : message.sender_name, 'hidden'));
  const clock = text('time', time.clock);
  clock.dateTime = message.sent_at;
  item.append(text('span', message.content, 'text'), clock);
  list.append(item);
  if (wasAtEnd || mine) scroll.scrollTop = scroll.scrollHeight;
}

function renderMessages(messages) {
  state.messages = messages;
  // Busy: a screen reader reads what comes, not the whole history.
  at('messages').setAttribute('aria-busy', 'true');
  at('messages').replaceChildren();
  for (const message of messages) appendMessage(message, timeOf(message.sent_at));
  at('messages').removeAttribute('aria-busy');
  at('earlier').hidden = messages.length < 100;
  const scroll = at('scroll');
  scroll.style.scrollBehavior = 'auto';
  scroll.scrollTop = scroll.scrollHeight;
  scroll.style.scrollBehavior = '';
}

function historyLoaded(messages) {
  // What came live while the history was being fetched may be younger than it: it stays, behind it.
  const known = new Set(messages.map((message) => message.id));
  const newest = messages.length > 0 ? messages[messages.length - 1].id : 0;
  const younger = state.messages.filter((one) => !known.has(one.id) && !(one.id < newest));
  state.loading = false;
  renderHistory(messages, younger);
  markRead();
}

function renderHistory(messages, younger = []) {
  state.fromHistory = new Set(messages.map((message) => message.id));
  renderMessages(messages.concat(younger));
}

function sendMessage(conversationId) {
  const content = at('text').value.trim();
  if (content === '' || state.openId === null) return;
  setTyping(false);
  at('text').value = '';
  composerState('');
  const waiting = { conversationId: state.openId, content };
  state.waiting.push(waiting);
  setTimeout(() => {
    if (state.waiting.includes(waiting)) composerState('Waiting for the live connection to show it…');
  }, 3000);
  socket.emit('send_message', { conversation_id: conversationId, sender_id: String(currentUserId), content });
  // One after the other, or two quick ones could overtake each other on their way to PHP.
  if (page.variant !== 'socket') state.posting = state.posting.then(() => postMessage(conversationId, content));
}

async function postMessage(conversationId, content) {
  try {
    const response = await fetch('ajax/send-message.php', {
      method: 'POST',
      body: new URLSearchParams({ conversation_id: String(conversationId), content }),
    });
    const answer = await response.json();
    if (response.status === 401) window.location.assign('login.php');
    if (!answer.success) notSent(answer.error);
  } catch (error) {
    notSent('The message was not sent: the site did not answer.');
    console.error(error);
  }
}

function notSent(reason) {
  const waiting = state.waiting.shift();
  if (waiting && waiting.conversationId === state.openId && at('text').value === '') at('text').value = waiting.content;
  composerState(reason, 'error');
}

function arrived(message) {
  const index = state.waiting.findIndex(
    (one) => one.conversationId === Number(message.conversation_id) && one.content === message.content,
  );
  if (index < 0) return;
  state.waiting.splice(index, 1);
  if (state.waiting.length === 0) composerState('');
}

/* Conversations */

function conversationOf(id) {
  return state.conversations.find((one) => one.conversation_id === Number(id));
}

function isGroup() {
  const conversation = conversationOf(state.openId);
  return conversation !== undefined && conversation.participants.length > 1;
}

function nameOf(conversation) {
  return conversation.participants.map((one) => one.username).join(', ') || 'Only you';
}

function personName(id) {
  for (const conversation of state.conversations) {
    const person = conversation.participants.find((one) => one.user_id === Number(id));
    if (person) return person.username;
  }
  return 'Somebody';
}

function openConversation(id, peer = null, intoHistory = true) {
  state.openId = id;
  state.messages = [];
  state.fromHistory.clear();
  at('messages').replaceChildren();
  at('earlier').hidden = true;
  at('app').dataset.view = 'conversation';
  at('empty').hidden = true;
  at('open').hidden = false;
  at('peer-state').dataset.members = '';
  composerState('');
  if (intoHistory) history.pushState(null, '', addressOf(id));
  renderConversations();
  renderPeer(peer);
  renderTyping();
  state.loading = true;
  socket.emit('get_messages', { conversation_id: id });
  socket.emit('getConversationParticipants', { conversation_id: id });
  const conversation = conversationOf(id);
  if (socket.connected && conversation?.participants.some((one) => !state.online.has(one.user_id)))
    introduce([conversation]);
  setTimeout(() => fetchWhereSilent(id), 2500);
  // On a narrow screen the focus would bring up the keyboard over what is to be read.
  at(matchMedia('(min-width: 44rem)').matches ? 'text' : 'back').focus();
}

function closeConversation() {
  state.openId = null;
  at('app').dataset.view = 'list';
  at('open').hidden = true;
  at('empty').hidden = false;
  renderConversations();
}

function addressOf(id) {
  const address = new URL(window.location.href);
  if (id === null) address.searchParams.delete('conversation');
  else address.searchParams.set('conversation', id);
  return address.search === '' ? address.pathname : address.search;
}

function noteInList(message) {
  const conversation = conversationOf(message.conversation_id);
  if (!conversation) {
    socket.emit('getAllConversations', currentUserId);
    return;
  }
  conversation.last_message = message.content;
  conversation.last_sender_id = Number(message.sender_id);
  conversation.last_sent_at = message.sent_at;
  state.conversations = [conversation, ...state.conversations.filter((one) => one !== conversation)];
  renderConversations();
}

function renderConversations() {
  const focused = document.activeElement?.dataset?.conversation;
  at('conversations').replaceChildren(...state.conversations.map(conversationItem));
  if (focused)
    at('conversations')
      .querySelector(`[data-conversation="${Number(focused)}"]`)
      ?.focus();
}

function conversationItem(conversation) {
  const id = conversation.conversation_id;
  const unread = id === state.openId ? 0 : (state.unread.get(id) ?? 0);
  const link = document.createElement('a');
  link.href = addressOf(id);
  link.dataset.conversation = id;
  if (id === state.openId) link.setAttribute('aria-current', 'page');
  const when = text('span', conversation.last_sent_at ? shortTime(timeOf(conversation.last_sent_at)) : '', 'when');
  link.append(conversationPhoto(conversation), text('span', nameOf(conversation), 'name'), when, preview(conversation));
  if (unread > 0) {
    const count = text('span', String(unread), 'count');
    count.append(text('span', ' unread', 'hidden'));
    link.append(count);
  }
  const item = document.createElement('li');
  item.className = unread > 0 ? 'unread' : '';
  item.append(link);
  return item;
}

function preview(conversation) {
  const typists = typistsIn(conversation.conversation_id);
  if (typists.length > 0) return text('span', 'typing…', 'preview is-typing');
  if (!conversation.last_message) return text('span', 'No messages yet', 'preview');
  const mine = conversation.last_sender_id === currentUserId;
  return text('span', (mine ? 'You: ' : '') + conversation.last_message, 'preview');
}

function shortTime(time) {
  const today = new Date().toDateString() === time.value.toDateString();
  return today ? time.clock : time.value.toLocaleDateString(undefined, { day: 'numeric', month: 'short' });
}

function renderPeer(peer = null) {
  const conversation = conversationOf(state.openId);
  if (!conversation && !peer) return;
  at('peer-name').textContent = conversation ? nameOf(conversation) : peer.name;
  at('peer-photo').replaceChildren(
    conversation
      ? conversationPhoto(conversation)
      : photo({ user_id: 0, username: peer.name, photo: peer.photo }, false),
  );
  const others = conversation ? conversation.participants : [];
  const here = others.filter((one) => state.online.get(one.user_id)).length;
  const members = at('peer-state').dataset.members;
  const presence = others.length > 1 ? `${here} of ${others.length} online` : here > 0 ? 'Online' : 'Offline';
  at('peer-state').textContent = others.length > 1 && members ? `${members} people · ${presence}` : presence;
}

function conversationPhoto(conversation) {
  const [first, second] = conversation.participants;
  const online = conversation.participants.some((one) => state.online.get(one.user_id));
  if (!second) return photo(first ?? page.user, online);
  const pair = text('span', '', 'photo pair');
  pair.dataset.online = String(online);
  pair.append(photo(first, false), photo(second, false));
  return pair;
}

function photo(person, online) {
  const holder = document.createElement('span');
  holder.className = 'photo';
  holder.dataset.online = String(online);
  holder.setAttribute('aria-hidden', 'true');
  holder.style.setProperty('--hue', String((person.user_id * 137) % 360));
  const initials = person.username
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => [...word][0] ?? '')
    .join('');
  const face = text('span', initials.toUpperCase(), 'face');
  holder.append(face);
  if (person.photo !== '') {
    const image = document.createElement('img');
    image.className = 'face';
    image.alt = '';
    image.addEventListener('error', () => image.replaceWith(face));
    image.src = person.photo;
    face.replaceWith(image);
  }
  return holder;
}

function text(tag, content, className = '') {
  const element = document.createElement(tag);
  element.textContent = content;
  element.className = className;
  return element;
}

/* Typing */

let typingSince = 0;
let typingTimer;

function setTyping(isTyping) {
  clearTimeout(typingTimer);
  if (isTyping) typingTimer = setTimeout(() => setTyping(false), 3000);
  if (isTyping ? Date.now() - typingSince < 2000 : typingSince === 0) return;
  typingSince = isTyping ? Date.now() : 0;
  socket.emit('typing', typingPayload(state.openId, isTyping));
}

function typingPayload(conversationId, isTyping) {
  return { conversation_id: String(conversationId), user_id: String(currentUserId), is_typing: isTyping };
}

function startedTyping(conversationId, userId) {
  const key = `${conversationId}:${userId}`;
  clearTimeout(state.typing.get(key));
  // The event that ends it may be lost on the way.
  state.typing.set(
    key,
    setTimeout(() => stoppedTyping(conversationId, userId), 5000),
  );
  renderTyping();
}

function stoppedTyping(conversationId, userId) {
  const key = `${conversationId}:${userId}`;
  if (!state.typing.has(key)) return;
  clearTimeout(state.typing.get(key));
  state.typing.delete(key);
  renderTyping();
}

function typistsIn(conversationId) {
  return [...state.typing.keys()].filter((key) => key.startsWith(`${conversationId}:`)).map((key) => key.split(':')[1]);
}

function renderTyping() {
  const names = typistsIn(state.openId).map(personName);
  at('typing').textContent =
    names.length === 0 ? '' : `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} typing…`;
  renderConversations();
}

/* Unread */

let unreadTimer;
let readTimer;

function refreshUnread() {
  // Many messages at once ask once.
  clearTimeout(unreadTimer);
  unreadTimer = setTimeout(() => {
    socket.emit('getUnreadCount', currentUserId);
    socket.emit('getUnreadConversations', currentUserId);
  }, 150);
}

function markRead() {
  clearTimeout(readTimer);
  if (state.openId === null || document.visibilityState !== 'visible') return;
  const conversationId = state.openId;
  readTimer = setTimeout(() => {
    socket.emit('mark_messages_read', { conversation_id: conversationId, user_id: currentUserId });
  }, 250);
}

/* Finding people */

let searchTimer;

function search() {
  clearTimeout(searchTimer);
  const term = at('search-term').value.trim();
  if (term === '') {
    at('search-results').hidden = true;
    return;
  }
  searchTimer = setTimeout(() => socket.emit('search_users', { user_id: currentUserId, search_term: term }), 200);
}

function renderSearch(answer) {
  if (at('search-term').value.trim() === '') return;
  const people = [...answer.conversations, ...answer.newUsers];
  const items = people.map((person) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(photo(person, false), text('span', person.username));
    if (!person.conversation_id) button.append(text('small', 'new'));
    button.addEventListener('click', () => {
      at('search-term').value = '';
      at('search-results').hidden = true;
      socket.emit('get_conversation', { current_user_id: String(currentUserId), recipient_id: person.user_id });
    });
    const item = document.createElement('li');
    item.append(button);
    return item;
  });
  if (items.length === 0) items.push(text('li', 'Nobody by that name.'));
  at('search-results').replaceChildren(...items);
  at('search-results').hidden = false;
}

/* Additions to the old page: presence, the state of the connection, history without the socket */

function watchPresence(introduced = false) {
  const people = state.conversations.flatMap((one) => one.participants.map((person) => person.user_id));
  const ids = [...new Set(people)];
  if (ids.length === 0) return;
  socket.emit('watch_presence', ids, (answer) => {
    const known = answer ?? {};
    for (const [id, presence] of Object.entries(known)) state.online.set(Number(id), presence.online === true);
    renderConversations();
    renderPeer();
    const strange = state.conversations.filter((one) => one.participants.some((person) => !(person.user_id in known)));
    if (!introduced) introduce(strange.slice(0, 8));
  });
}

// The relay tells of those alone whom it knows to share a conversation with one, and it learns that when an event names
// the conversation: "not typing" says nothing to anybody else.
function introduce(conversations) {
  let left = conversations.length;
  for (const { conversation_id } of conversations) {
    socket.emit('typing', typingPayload(conversation_id, false), () => {
      left -= 1;
      if (left === 0) watchPresence(true);
    });
  }
}

function setOnline(userId, online) {
  state.online.set(Number(userId), online);
  renderConversations();
  renderPeer();
}

async function fetchWhereSilent(id, beforeId = null) {
  if (beforeId === null && (id !== state.openId || !state.loading)) return;
  const query = new URLSearchParams({ conversation_id: id });
  if (beforeId !== null) query.set('before_id', beforeId);
  try {
    const answer = await (await fetch(`ajax/messages.php?${query}`)).json();
    if (!answer.success || id !== state.openId) return;
    if (beforeId === null) historyLoaded(answer.messages);
    else showEarlier(answer.messages);
  } catch (error) {
    console.error(error);
  }
}

function showEarlier(messages) {
  const scroll = at('scroll');
  const fromEnd = scroll.scrollHeight - scroll.scrollTop;
  renderMessages(messages.concat(state.messages));
  at('earlier').hidden = messages.length < 100;
  scroll.style.scrollBehavior = 'auto';
  scroll.scrollTop = scroll.scrollHeight - fromEnd;
  scroll.style.scrollBehavior = '';
}

function composerState(message, kind = '') {
  at('composer-state').textContent = message;
  at('composer-state').dataset.kind = kind;
}

function notice(message) {
  at('notice').textContent = message;
  at('notice').hidden = message === '';
}

let offlineTimer;

function offline() {
  // A short drop mends itself before anybody could read about it.
  offlineTimer ??= setTimeout(() => notice('Connecting… Messages that you send are kept.'), 1500);
}

function online() {
  clearTimeout(offlineTimer);
  offlineTimer = undefined;
  notice('');
}

socket.on('connect', online);
socket.on('disconnect', offline);
socket.on('connect_error', offline);
socket.on('registered', (answer) => {
  if (answer.ok) watchPresence();
  else notice('The live connection does not know you any more. Reload the page or log in again.');
});
socket.on('disconnected', () => notice('You were logged out. Reload the page to log in again.'));
socket.on('user_online', (who) => setOnline(who.user_id, true));
socket.on('user_offline', (who) => setOnline(who.user_id, false));
window.addEventListener('relay:gap', () => {
  state.messages = [];
  if (state.openId !== null) socket.emit('get_messages', { conversation_id: state.openId });
  socket.emit('getAllConversations', currentUserId);
});

at('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  // The button gives the conversation's id as a string and Enter as a number, as they did on the old page.
  sendMessage(String(state.openId));
  at('text').focus();
});
at('text').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  sendMessage(state.openId);
});
at('text').addEventListener('input', () => setTyping(at('text').value !== ''));
at('conversations').addEventListener('click', (event) => {
  const link = event.target.closest('[data-conversation]');
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  setTyping(false);
  openConversation(Number(link.dataset.conversation));
});
at('back').addEventListener('click', (event) => {
  event.preventDefault();
  history.pushState(null, '', addressOf(null));
  closeConversation();
});
at('earlier').addEventListener('click', () => {
  if (state.messages.length > 0) void fetchWhereSilent(state.openId, state.messages[0].id);
});
at('search').addEventListener('submit', (event) => event.preventDefault());
at('search-term').addEventListener('input', search);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') at('search-results').hidden = true;
});
document.addEventListener('visibilitychange', markRead);
window.addEventListener('popstate', () => {
  const id = Number(new URLSearchParams(window.location.search).get('conversation'));
  if (conversationOf(id)) openConversation(id, null, false);
  else closeConversation();
});
