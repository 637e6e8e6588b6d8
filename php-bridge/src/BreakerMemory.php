<?php

declare(strict_types=1);

namespace RelayBridge;

/** What the breaker's state is kept in: {failures: int, until: float Unix seconds}, zeros where nothing is known. */
interface BreakerMemory
{
    public function read(): array;

    /** @param callable $change from the state now to the next; runs alone as far as the memory can see to it */
    public function update(callable $change): void;
}
