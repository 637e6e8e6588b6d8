<?php

declare(strict_types=1);

namespace RelayBridge;

/** What a page may lose to a flush, which leaves to the drain what it has no time for. Counts from its making. */
final class PageTime
{
    // After this only the first call still starts; so one that takes its whole 250 ms is not cut short.
    private const STARTS_WITHIN_SECONDS = 0.05;
    // Leaves the database some of the page's 350 ms.
    private const ENDS_WITHIN_SECONDS = 0.3;

    private $began;

    public function __construct()
    {
        $this->began = microtime(true);
    }

    /** Whether it is too late to start a further call. */
    public function isUp(): bool
    {
        return microtime(true) >= $this->began + self::STARTS_WITHIN_SECONDS;
    }

    /** When every call must be over, as microtime(true) has it. */
    public function end(): float
    {
        return $this->began + self::ENDS_WITHIN_SECONDS;
    }
}
