import { internalToken } from '../support/tokens.js';
import type { Ledger } from './ledger.js';
import type { Experiment } from './options.js';
import { PROBE } from './page.js';
import { pause } from './pause.js';
import type { Replica } from './replica.js';
import { randomFrom } from './seed.js';

/** PHP with its outbox: numbered messages, in each conversation one after the other, each until it is answered 200. */
export interface Feeder {
  /** Feeds all conversations until aborted, and ends when what was begun is accepted. */
  feed(stop: AbortSignal): Promise<void>;
  /** One more message in every conversation. */
  feedOnce(): Promise<void>;
  /** Sends every user an event that is no message, and waits for no success. */
  probe(): Promise<void>;
  /** How often each answer came: a status, or what stood in place of an answer. */
  readonly answers: ReadonlyMap<string, number>;
}

const ANSWER_WITHIN_MS = 1_000;
const BACKOFF_MS = { first: 100, most: 1_000 };

/** @param giveUp ends every retry: what was not accepted by then stays so */
export function createFeeder(
  conversations: readonly (readonly string[])[],
  replicas: readonly Replica[],
  ledger: Ledger,
  experiment: Experiment,
  giveUp: AbortSignal,
): Feeder {
  const answers = new Map<string, number>();
  const randoms = conversations.map((_, index) => randomFrom(experiment.seed, `conversation ${index}`));
  // A stream of its own: how often one has to retry is not to change who sends next.
  const replicaRandom = randomFrom(experiment.seed, 'replica of a notify');
  const numbers = conversations.map(() => 0);

  const post = async (body: string, replica: Replica | undefined): Promise<string> => {
    try {
      const response = await fetch(`${replica?.internalUrl}/notify`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${internalToken(body)}` },
        body,
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      await response.text();
      return String(response.status);
    } catch (error) {
      return error instanceof Error && error.name === 'TimeoutError' ? 'no answer in time' : 'connection failed';
    }
  };

  const postUntilAccepted = async (conversation: number): Promise<void> => {
    const users = conversations[conversation] ?? [];
    const random = randoms[conversation];
    const number = (numbers[conversation] ?? 0) + 1;
    numbers[conversation] = number;
    const id = String((conversation + 1) * 100_000 + number);
    const sender = users[Math.floor((random?.next() ?? 0) * users.length)];
    const body = JSON.stringify({
      recipients: users.map(Number),
      sender: Number(sender),
      message: message(Number(id), conversation, Number(sender)),
    });
    ledger.posted({ id, conversation, users });
    for (let backoff = BACKOFF_MS.first; !giveUp.aborted; backoff = Math.min(2 * backoff, BACKOFF_MS.most)) {
      const replica = replicas[Math.floor(replicaRandom.next() * replicas.length)];
      const answer = await post(body, replica);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
      if (answer === '200') {
        ledger.accepted(id);
        return;
      }
      await pause(backoff, giveUp);
    }
  };

  return {
    answers,
    async feed(stop) {
      const feedOne = async (conversation: number): Promise<void> => {
        while (!stop.aborted && !giveUp.aborted) {
          await pause(experiment.pace * 1_000 * (randoms[conversation]?.between(0, 2) ?? 1), stop);
          if (!stop.aborted) {
            await postUntilAccepted(conversation);
          }
        }
      };
      await Promise.all(conversations.map((_, conversation) => feedOne(conversation)));
    },
    async feedOnce() {
      await Promise.all(conversations.map((_, conversation) => postUntilAccepted(conversation)));
    },
    async probe() {
      const recipients = [...new Set(conversations.flat())].map(Number);
      await post(JSON.stringify({ recipients, event: PROBE, durable: false, message: {} }), replicas[0]);
    },
  };
}

function message(id: number, conversation: number, sender: number): Record<string, unknown> {
  return {
    id,
    conversation_id: conversation + 1,
    sender_id: sender,
    sender_name: `User ${sender}`,
    sender_photo: '',
    content: `message ${id % 100_000}`,
    sent_at: new Date().toISOString(),
  };
}
