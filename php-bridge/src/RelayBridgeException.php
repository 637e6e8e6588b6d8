<?php

declare(strict_types=1);

namespace RelayBridge;

/** Carried by every exception that this library throws, so that one catch can name them all. */
interface RelayBridgeException extends \Throwable
{
}
