<?php

declare(strict_types=1);

namespace RelayBridge;

/** A client whose calls can be given an end. Outbox::flush() asks for it where there is one. */
interface TimedRelayClient extends RelayClient
{
    /**
     * A copy whose calls are over by then, and which starts none after it.
     *
     * @param float $end as microtime(true) has it
     */
    public function endingBy(float $end): RelayClient;
}
