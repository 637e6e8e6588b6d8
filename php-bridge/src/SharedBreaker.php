<?php

declare(strict_types=1);

namespace RelayBridge;

/**
 * After three failures in a row attempts are skipped for 5 s; then one request probes, while the others skip on
 * for at most one second more. Races between requests cost one attempt too many, never a message.
 */
final class SharedBreaker implements Breaker
{
    private const FAILURES = 3;
    private const OPEN_SECONDS = 5.0;
    private const PROBE_SECONDS = 1.0;

    private $memory;
    private $clock;

    /** @param callable|null $clock gives Unix seconds as a float; for tests */
    public function __construct(BreakerMemory $memory, ?callable $clock = null)
    {
        $this->memory = $memory;
        $this->clock = $clock ?? static function (): float {
            return microtime(true);
        };
    }

    public function isOpen(): bool
    {
        $state = $this->memory->read();
        if ($state['failures'] < self::FAILURES) {
            return false;
        }
        if ($this->isHolding($state)) {
            return true;
        }
        $mayProbe = false;
        $this->memory->update(function (array $state) use (&$mayProbe): array {
            $mayProbe = !$this->isHolding($state);
            return $mayProbe && $state['failures'] >= self::FAILURES
                ? ['failures' => $state['failures'], 'until' => ($this->clock)() + self::PROBE_SECONDS]
                : $state;
        });
        return !$mayProbe;
    }

    public function failed(): void
    {
        $this->memory->update(function (array $state): array {
            $failures = $state['failures'] + 1;
            return ['failures' => $failures, 'until' => $failures >= self::FAILURES ? ($this->clock)() + self::OPEN_SECONDS : 0.0];
        });
    }

    public function succeeded(): void
    {
        if ($this->memory->read()['failures'] > 0) {
            $this->memory->update(static function (): array {
                return ['failures' => 0, 'until' => 0.0];
            });
        }
    }

    private function isHolding(array $state): bool
    {
        $left = $state['until'] - ($this->clock)();
        // An end further off than it was ever set is a clock that jumped back.
        return $left > 0 && $left <= self::OPEN_SECONDS;
    }
}
