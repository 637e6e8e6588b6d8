<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

/** Thrown by a test that this machine lacks something for. */
final class Skipped extends \RuntimeException
{
}
