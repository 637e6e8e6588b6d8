// The way of one message, in the order of time.

import { byId, element } from './elements.js';
import { call } from './session.js';
import { clock, count, short } from './words.js';

export async function showTrace(id) {
  const result = byId('trace-result');
  result.replaceChildren();
  const {
    accepted,
    request_id: request,
    recipients,
  } = await call(`/messages/${encodeURIComponent(id).replaceAll('.', '%2E')}/trace`);
  const steps = stepsOf(recipients).sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  const items = steps.map(({ at, what, user, where }) => {
    const later = Date.parse(at) - Date.parse(accepted);
    const time = element('time', { dateTime: at, title: at }, `+${count(later)} ms`);
    return element('li', { className: what }, time, ` ${what} `, element('b', {}, user), where);
  });
  const missing = Object.entries(recipients).filter(([, { confirmed }]) => confirmed === null);
  result.replaceChildren(
    element(
      'p',
      {},
      element('b', {}, id),
      `, accepted at ${clock(accepted, true)}${request === null ? '' : `, request ${request}`}`,
    ),
    element('ol', { className: 'timeline' }, ...items),
    element(
      'p',
      { className: 'soft' },
      missing.length === 0 ? 'All have confirmed it.' : `Not confirmed yet: ${names(missing)}`,
    ),
  );
}

function stepsOf(recipients) {
  return Object.entries(recipients).flatMap(([user, { accepted, delivered, confirmed }]) => [
    { at: accepted, what: 'accepted', user, where: ' into the inbox' },
    ...delivered.map(({ socket, at }) => ({ at, what: 'delivered', user, where: ` to socket ${short(socket)}` })),
    ...(confirmed === null ? [] : [{ at: confirmed, what: 'confirmed', user, where: '' }]),
  ]);
}

function names(entries) {
  const all = entries.map(([user]) => user);
  return all.length > 10 ? `${all.slice(0, 10).join(', ')} and ${count(all.length - 10)} more` : all.join(', ');
}
