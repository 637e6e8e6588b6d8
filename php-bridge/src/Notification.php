<?php

declare(strict_types=1);

namespace RelayBridge;

/**
 * One call of `POST /notify`: a message that the site has persisted, and who is to get it.
 * Immutable; every with…() gives a changed copy.
 */
final class Notification implements \JsonSerializable
{
    /** The event of a message that is new. */
    public const MESSAGE = 'receive_message';

    private $message;
    private $recipients;
    private $sender;
    private $event = self::MESSAGE;
    private $durable = true;
    private $id;
    private $conversation;
    private $json = '';

    /**
     * @param array $message what the browser's handler gets; its `id` and `sender_id` are the defaults of id and sender
     * @param array $recipients 1–10,000 user ids, int or string; the sender may be among them. Empty: the conversation's members, as far as the relay knows them
     * @throws InvalidNotification
     */
    public function __construct(array $message, array $recipients = [])
    {
        if (count($recipients) > 10000) {
            throw new InvalidNotification('recipients: at most 10,000 in one notification');
        }
        $this->message = $message;
        $this->recipients = array_map([$this, 'checkedRecipient'], array_values($recipients));
        $id = $message['id'] ?? '';
        // Retries must carry the same id, so one that the site does not give is made once, here.
        $this->id = is_scalar($id) && (string) $id !== '' ? (new Id())->check($id) : bin2hex(random_bytes(16));
    }

    /** @param int|string $id what makes a repeat recognisable for 24 h; defaults to `message.id`, else a random one */
    public function withId($id): self
    {
        return $this->with('id', (new Id())->check($id));
    }

    /** @param int|string $sender whose own tabs get `message_sent` */
    public function withSender($sender): self
    {
        return $this->with('sender', (new Id())->check($sender, 'sender'));
    }

    /** @param int|string $conversation for the relay to find the members by, where there are no recipients; also the order the outbox keeps */
    public function withConversation($conversation): self
    {
        return $this->with('conversation', (new Id())->check($conversation, 'conversation_id'));
    }

    /** @param string $event defaults to `receive_message` */
    public function withEvent(string $event): self
    {
        if ($event === '') {
            throw new InvalidNotification('event: must not be empty');
        }
        return $this->with('event', $event);
    }

    /** A signal that may be lost: kept in no inbox, and not for the outbox. */
    public function asSignal(): self
    {
        return $this->with('durable', false);
    }

    /**
     * The text that an earlier process encoded, to be sent byte for byte.
     *
     * @internal
     */
    public function verbatim(string $json): self
    {
        return $this->with('json', $json);
    }

    public function id(): string
    {
        return $this->id;
    }

    public function event(): string
    {
        return $this->event;
    }

    public function isDurable(): bool
    {
        return $this->durable;
    }

    public function message(): array
    {
        return $this->message;
    }

    /** @return string[] */
    public function recipients(): array
    {
        return $this->recipients;
    }

    /** @return string|null the one set; null where it is `message.sender_id` */
    public function sender()
    {
        return $this->sender;
    }

    /** @return string|null the one set, else the message's `conversation_id` or `conversationId` */
    public function conversation()
    {
        if ($this->conversation !== null) {
            return $this->conversation;
        }
        $named = $this->message['conversation_id'] ?? $this->message['conversationId'] ?? null;
        return is_scalar($named) && (string) $named !== '' ? (string) $named : null;
    }

    /** The body of `POST /notify`. */
    public function jsonSerialize(): array
    {
        $body = ['id' => $this->id, 'event' => $this->event];
        if ($this->recipients !== []) {
            $body['recipients'] = $this->recipients;
        }
        $conversation = $this->recipients === [] ? $this->conversation() : $this->conversation ?? $this->inMessage('conversation_id');
        $ids = ['conversation_id' => $conversation, 'sender' => $this->sender ?? $this->inMessage('sender_id'), 'client_id' => $this->inMessage('client_id')];
        foreach ($ids as $field => $id) {
            if ($id !== null) {
                $body[$field] = $id;
            }
        }
        if (!$this->durable) {
            $body['durable'] = false;
        }
        return $body + ['message' => (object) $this->message];
    }

    /**
     * @throws UnencodableMessage naming the field, as `message.content`
     * @throws InvalidNotification where nobody is named
     */
    public function json(): string
    {
        if ($this->json !== '') {
            return $this->json;
        }
        if ($this->recipients === [] && $this->conversation() === null) {
            throw new InvalidNotification('recipients: name at least one user, or the conversation');
        }
        return (new Json())->encode($this->jsonSerialize());
    }

    /**
     * What the relay would else read from the message itself, as a string: JavaScript holds no number above 2^53.
     *
     * @return string|null null also for what is no id, which the relay refuses by its name
     */
    private function inMessage(string $field): ?string
    {
        try {
            return (new Id())->check($this->message[$field] ?? null, $field);
        } catch (InvalidNotification $e) {
            return null;
        }
    }

    private function with(string $property, $value): self
    {
        $copy = clone $this;
        $copy->$property = $value;
        return $copy;
    }

    private function checkedRecipient($id): string
    {
        return (new Id())->check($id, 'recipients');
    }
}
