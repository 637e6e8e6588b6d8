<?php

declare(strict_types=1);

namespace RelayBridge;

/** The caller built something that the relay would refuse. The text names the field. */
final class InvalidNotification extends \InvalidArgumentException implements RelayBridgeException
{
}
