<?php

declare(strict_types=1);

namespace RelayBridge;

/** A row that this process has claimed. */
final class OutboxRow
{
    private $seq;
    private $claim;
    private $payload;
    private $attempts;

    public function __construct(int $seq, string $claim, string $payload, int $attempts)
    {
        $this->seq = $seq;
        $this->claim = $claim;
        $this->payload = $payload;
        $this->attempts = $attempts;
    }

    public function seq(): int
    {
        return $this->seq;
    }

    public function claim(): string
    {
        return $this->claim;
    }

    /** How often the relay has turned this very row away. */
    public function attempts(): int
    {
        return $this->attempts;
    }

    /** @throws InvalidNotification where the row was not written by this library */
    public function notification(): Notification
    {
        $body = (new Json())->decode($this->payload);
        if (!is_array($body) || !is_array($body['message'] ?? null) || !is_array($body['recipients'] ?? [])) {
            throw new InvalidNotification('payload: not a notification');
        }
        return (new Notification($body['message'], $body['recipients'] ?? []))
            ->withId($body['id'] ?? '')
            ->withEvent((string) ($body['event'] ?? ''))
            ->verbatim($this->payload);
    }
}
