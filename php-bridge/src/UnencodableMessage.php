<?php

declare(strict_types=1);

namespace RelayBridge;

/** A value cannot become JSON: most often text that is not UTF-8. */
final class UnencodableMessage extends \InvalidArgumentException implements RelayBridgeException
{
    private $field;

    public function __construct(string $field, string $reason)
    {
        parent::__construct("$field: $reason");
        $this->field = $field;
    }

    /** Where it stands, as `message.content`. */
    public function field(): string
    {
        return $this->field;
    }
}
