<?php

declare(strict_types=1);

namespace MessagingSite;

/** What a person asked for cannot be done. The message may be shown to them; the code is the HTTP status, 4xx. */
final class Refused extends \RuntimeException
{
}
