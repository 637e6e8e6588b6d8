import type { Backend } from '../backend.js';
import { errorBody, RelayError } from '../errors.js';
import type { Registration } from '../identity/registration.js';
import type { ClientSend } from '../messages/client-send.js';
import { type Payload, payloadOf } from '../messages/legacy-fields.js';
import type { Signals } from '../messages/signals.js';
import type { Watching } from '../presence/watching.js';
import type { Handler } from './answers.js';
import type { Member, Membership } from './membership.js';

export interface HandlersOptions {
  readonly registration: Registration;
  readonly membership: Membership;
  readonly signals: Signals;
  readonly watching: Watching;
  readonly clientSend: ClientSend;
  readonly backend: Backend | undefined;
  /** Page events that the backend answers. */
  readonly backendEvents: readonly string[];
  readonly onUnknown: (event: string, payload: unknown) => void;
}

/** Levels of a page's payload, as PHP's `json_decode` has them by default. */
const DEPTH = 512;

/** The events of a page whose user is known (CONTRACT section 5). */
export function createHandlers(options: HandlersOptions): Handler {
  const { registration, membership, signals, watching, clientSend, backend } = options;
  const forBackend = new Set(backend === undefined ? [] : options.backendEvents);

  const own: Readonly<Record<string, (member: Member, payload: unknown) => Promise<unknown>>> = {
    async typing({ identity }, payload) {
      await signals.typing(identity.user, requirePayload(payload));
      return { ok: true };
    },
    async message_read({ identity }, payload) {
      await signals.messageRead(identity.user, requirePayload(payload));
      return { ok: true };
    },
    send_message: async (member, payload) => ({ ok: true, ...(await send(member, payload)) }),
    watch_presence: ({ identity, outlet }, ids) => watching.watch(identity.user, outlet.pipe, ids),
    async refresh_token(member, token) {
      if (typeof token !== 'string') throw new RelayError('invalid_payload', 'refresh_token takes a token');
      await membership.refresh(member, registration.byToken(token));
      return { ok: true };
    },
  };

  /** What PHP refused, the page must be told: it shows the message only when `message_sent` comes. */
  async function send({ identity, socket }: Member, payload: unknown): Promise<Payload> {
    try {
      return await clientSend(identity.user, requirePayload(payload));
    } catch (error) {
      const told = errorBody(error);
      if (told.code.startsWith('backend_')) socket.emit('message_sent', { success: false, error: told.message });
      throw error;
    }
  }

  async function askBackend(
    from: Backend,
    { identity, socket }: Member,
    event: string,
    payload: unknown,
  ): Promise<unknown> {
    const answer = await from.event(event, identity.user, payload);
    for (const { event: name, data, to } of answer.emit) {
      if (to === undefined) socket.emit(name, data as never);
      else await signals.send(to, name, data);
    }
    return answer.ack;
  }

  return async (member, event, payload) => {
    requireFlat(payload);
    const handler = Object.hasOwn(own, event) ? own[event] : undefined;
    if (handler !== undefined) return handler(member, payload);
    if (backend !== undefined && forBackend.has(event)) return askBackend(backend, member, event, payload);
    options.onUnknown(event, payload);
    throw new RelayError('invalid_payload', `the relay does not know the event ${event}`);
  };
}

/** An object, or the JSON text of one. */
function requirePayload(value: unknown): Payload {
  const payload = payloadOf(value);
  if (payload === undefined) throw new RelayError('invalid_payload', 'must be an object');
  // it may have been the text of one
  if (payload !== value) requireFlat(payload);
  return payload;
}

/** What is nested without end nobody can encode again, and PHP's `json_decode` reads no deeper either. */
function requireFlat(value: unknown): void {
  if (isDeeper(value, DEPTH)) throw new RelayError('invalid_payload', `is nested more than ${DEPTH} levels deep`);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
