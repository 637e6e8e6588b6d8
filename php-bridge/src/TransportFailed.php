<?php

declare(strict_types=1);

namespace RelayBridge;

/** No answer came. */
final class TransportFailed extends \RuntimeException implements RelayBridgeException
{
    private $reason;

    /** @param string $reason timeout, unreachable or tls_failed */
    public function __construct(string $reason, string $message)
    {
        parent::__construct($message);
        $this->reason = $reason;
    }

    public function reason(): string
    {
        return $this->reason;
    }
}
