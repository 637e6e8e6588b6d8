<?php

declare(strict_types=1);

namespace RelayBridge;

/** A setting is missing or wrong. The text names the variable and what it would take. */
final class InvalidSetting extends \RuntimeException implements RelayBridgeException
{
}
