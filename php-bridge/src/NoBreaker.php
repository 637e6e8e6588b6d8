<?php

declare(strict_types=1);

namespace RelayBridge;

/** For a process that nobody waits for and that has its own backoff, as bin/outbox. */
final class NoBreaker implements Breaker
{
    public function isOpen(): bool
    {
        return false;
    }

    public function failed(): void
    {
    }

    public function succeeded(): void
    {
    }
}
