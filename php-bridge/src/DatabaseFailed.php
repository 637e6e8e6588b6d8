<?php

declare(strict_types=1);

namespace RelayBridge;

/** The site's database refused a statement of the outbox. Let it roll the transaction back. */
final class DatabaseFailed extends \RuntimeException implements RelayBridgeException
{
}
