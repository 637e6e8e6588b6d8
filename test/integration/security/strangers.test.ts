import { describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';

/** What the page hears, what Socket.IO's own servers pass on by, and what the relay itself says. */
const NAMES = [
  'receive_message',
  'message_sent',
  'user_typing',
  'registered',
  'disconnected',
  'token_expired',
  'relay_error',
  'unreadCount',
  'broadcast',
  'join',
  'subscribe',
  'to',
  'notify',
  'disconnect_user',
  'user_online',
  '__proto__',
];
const OURS = ['send_message', 'typing', 'message_read', 'watch_presence', 'register_user'];

describe.each(DEPLOYMENTS)('somebody who shares no conversation (%s)', (deployment) => {
  test.each(['hold', 'instant'])('hears of nothing that another page says, whatever it says (%s)', async (mode) => {
    const site = await deploy(deployment, { RELAY_CLIENT_SEND: mode, RELAY_EVENT_RATE: 200 });
    const [attacker, victim] = [newUser(), newUser()];
    const conversation = newId();
    // the victim's own conversation, which the attacker knows the number of
    const other = { recipients: [victim], sender: newUser(), conversation_id: conversation };
    await site.api.notify({ ...other, message: { id: newId(), conversation_id: conversation } });
    const page = await connectAs(site.far, clientToken(victim));
    const evil = await connectAs(site.near, clientToken(attacker));
    const payloads = [
      { recipients: [victim], content: 'x' },
      { recipient_id: victim, sender_id: victim, user_id: victim, content: 'x' },
      { to: victim, room: victim, event: 'receive_message', data: { content: 'x' } },
      { conversation_id: conversation, content: 'x', sender_id: victim },
      [victim],
      victim,
    ];
    for (const event of [...NAMES, ...OURS]) for (const payload of payloads) evil.emit(event, payload);
    // answered in their order, so by then all of them have been handled
    expect(await evil.ask('watch_presence', [victim])).toEqual({});
    expect(await evil.ask('send_message', { conversation_id: conversation, content: 'x' })).toMatchObject(
      mode === 'hold' ? { ok: true, held: true } : { ok: false, error: { code: 'not_a_member' } },
    );
    await site.api.notify({ recipients: [victim], event: 'end', message: { id: newId() } });
    await page.next('end');
    expect(page.received.map(({ event }) => event)).toEqual(['registered', 'end']);
    expect(evil.all('registered').at(-1)).toMatchObject([{ ok: false, error: { code: 'identity_mismatch' } }]);
  });
});
