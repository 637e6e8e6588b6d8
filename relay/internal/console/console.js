// The operator's console: signs in, keeps the figures fresh, and turns what fails into words.

import { byId, scrolling } from './elements.js';
import { showStats } from './figures.js';
import { forgetPeople, servePeople } from './people.js';
import { forgetHistory, showHistory } from './plots.js';
import { call, canSign, isSignedIn, signIn, signOut } from './session.js';
import { showTrace } from './trace.js';
import { clock } from './words.js';

/** Milliseconds. */
const STATS_EVERY = 2_000;
const HISTORY_EVERY = 10_000;

let timer;
let historyAt = 0;
/** What is under way for an operator who has signed out meanwhile counts no more. */
let visit = 0;

byId('insecure').hidden = canSign();
byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  void enter(byId('proof').value.trim());
});
byId('sign-out').addEventListener('click', () => leave(''));
scrolling(byId('replicas-card'), 'Replicas');
servePeople({ attempt, trace });
byId('trace-form').addEventListener('submit', (event) => {
  event.preventDefault();
  trace(byId('message').value.trim());
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && isSignedIn()) void refresh();
});

if (isSignedIn()) void refresh();
else byId('proof').focus();

async function enter(proof) {
  complain('');
  try {
    await signIn(proof);
  } catch (error) {
    leave(error.message);
    return;
  }
  byId('proof').value = '';
  await refresh();
  if (isSignedIn()) byId('content').focus();
}

function leave(why) {
  clearTimeout(timer);
  visit += 1;
  signOut();
  forgetPeople();
  forgetHistory();
  byId('trace-result').replaceChildren();
  historyAt = 0;
  for (const id of ['figures', 'store', 'causes', 'replicas']) byId(id).replaceChildren();
  byId('about').textContent = '';
  show(false);
  complain(why);
  byId('proof').focus();
}

/** One round of figures, and the next one after it: a slow relay is not asked more often than it answers. */
async function refresh() {
  clearTimeout(timer);
  const own = visit;
  try {
    const stats = await call('/stats');
    if (own !== visit) return;
    show(true);
    showStats(stats);
    if (Date.now() - historyAt >= HISTORY_EVERY) {
      const history = await call('/stats/history');
      if (own !== visit) return;
      historyAt = Date.now();
      showHistory(history);
    }
    complain('');
  } catch (error) {
    if (own !== visit) return;
    if (error.status === 401) return leave(refusal(error));
    complain(`${error.message} Trying again; what is shown is old.`);
  }
  if (own === visit && !document.hidden) timer = setTimeout(refresh, STATS_EVERY);
}

/** Runs what an operator asked for; what goes wrong is told where the result would be. */
async function attempt(place, task) {
  try {
    await task();
  } catch (error) {
    if (error.status === 401) leave(refusal(error));
    else place.textContent = error.message;
  }
}

function trace(id) {
  byId('message').value = id;
  void attempt(byId('trace-result'), () => showTrace(id));
}

function refusal({ code, message, serverTime }) {
  if (code === 'token_expired') {
    return `The token has expired: ${message}, which is at ${serverTime} (${clock(serverTime)} here). Sign in again.`;
  }
  return `The relay does not believe that: ${message}. Is it RELAY_SECRET, or a token made with it?`;
}

function show(signedIn) {
  byId('sign-in').hidden = signedIn;
  byId('console').hidden = !signedIn;
  byId('sign-out').hidden = !signedIn;
}

function complain(text) {
  if (byId('alert').textContent !== text) byId('alert').textContent = text;
  byId('alert').hidden = text === '';
}
