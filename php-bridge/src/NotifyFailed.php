<?php

declare(strict_types=1);

namespace RelayBridge;

/** Thrown by Outcome::orThrow() only. */
final class NotifyFailed extends \RuntimeException implements RelayBridgeException
{
    private $outcome;

    public function __construct(Outcome $outcome)
    {
        parent::__construct($outcome->code() . ': ' . $outcome->message());
        $this->outcome = $outcome;
    }

    public function outcome(): Outcome
    {
        return $this->outcome;
    }
}
