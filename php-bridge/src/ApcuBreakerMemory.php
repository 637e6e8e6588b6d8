<?php

declare(strict_types=1);

namespace RelayBridge;

final class ApcuBreakerMemory implements BreakerMemory
{
    private const KEPT_SECONDS = 60;

    private $key;

    public function __construct(string $relayUrl)
    {
        $this->key = 'relay-bridge:' . $relayUrl;
    }

    public function read(): array
    {
        $state = apcu_fetch($this->key);
        return is_array($state) ? $state : ['failures' => 0, 'until' => 0.0];
    }

    public function update(callable $change): void
    {
        // Two requests may both read before either writes: one failure is then counted once instead of twice.
        apcu_store($this->key, $change($this->read()), self::KEPT_SECONDS);
    }
}
