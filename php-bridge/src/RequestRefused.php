<?php

declare(strict_types=1);

namespace RelayBridge;

/** A request to the backend that cannot be answered; becomes its HTTP status and error. */
final class RequestRefused extends \RuntimeException implements RelayBridgeException
{
    private $status;
    private $reason;

    public function __construct(int $status, string $reason, string $message)
    {
        parent::__construct($message);
        $this->status = $status;
        $this->reason = $reason;
    }

    public function status(): int
    {
        return $this->status;
    }

    public function reason(): string
    {
        return $this->reason;
    }
}
