<?php

declare(strict_types=1);

namespace RelayBridge;

/** Keeps pages from waiting, one after the other, for a relay that does not answer. */
interface Breaker
{
    public function isOpen(): bool;

    public function failed(): void;

    public function succeeded(): void;
}
