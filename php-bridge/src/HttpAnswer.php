<?php

declare(strict_types=1);

namespace RelayBridge;

final class HttpAnswer
{
    private $status;
    private $body;
    private $retryAfter;

    /** @param string $retryAfter the header's value, '' without one; only seconds are understood, as the relay sends them */
    public function __construct(int $status, string $body, string $retryAfter)
    {
        $this->status = $status;
        $this->body = $body;
        $this->retryAfter = $retryAfter;
    }

    public function status(): int
    {
        return $this->status;
    }

    public function body(): string
    {
        return $this->body;
    }

    public function retryAfter(): ?int
    {
        return ctype_digit($this->retryAfter) ? (int) $this->retryAfter : null;
    }
}
