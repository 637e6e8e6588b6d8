<?php

declare(strict_types=1);

namespace RelayBridge;

/** The site's database refused a statement of the outbox, or cannot be reached. Within a transaction: roll it back. */
final class DatabaseFailed extends \RuntimeException implements RelayBridgeException
{
}
