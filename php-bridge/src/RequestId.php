<?php

declare(strict_types=1);

namespace RelayBridge;

/** The X-Request-Id under which this request is told of in PHP's log and in the relay's. */
final class RequestId
{
    // What the relay takes as well; anything else it would replace by one of its own.
    private const SANE = '/^[\w.:-]{1,128}$/D';

    /** That of the present request: a web server's, or the relay's where it is the relay that calls; '' where there is none. */
    public function present(): string
    {
        $given = $_SERVER['HTTP_X_REQUEST_ID'] ?? '';
        return is_string($given) && preg_match(self::SANE, $given) === 1 ? $given : '';
    }

    /** `$wanted` where it is a sane id, else the present one, else a new one. */
    public function of(string $wanted): string
    {
        if (preg_match(self::SANE, $wanted) === 1) {
            return $wanted;
        }
        $present = $this->present();
        return $present === '' ? bin2hex(random_bytes(16)) : $present;
    }
}
