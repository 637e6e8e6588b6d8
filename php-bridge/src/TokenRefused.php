<?php

declare(strict_types=1);

namespace RelayBridge;

/** A token that is not the relay's, or not for this request. */
final class TokenRefused extends \RuntimeException implements RelayBridgeException
{
    private $reason;

    /** @param string $reason token_missing, token_invalid, token_expired or body_mismatch */
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
