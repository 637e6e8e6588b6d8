<?php

declare(strict_types=1);

namespace RelayBridge;

/** The relay's internal API. No method throws: a failure is an Outcome, and Outcome::orThrow() makes it an exception. */
interface RelayClient
{
    /**
     * @param string $requestId sent as X-Request-Id where it is 1 to 128 letters, digits and `_.:-`; else that of the present
     *   request ($_SERVER['HTTP_X_REQUEST_ID']) goes, or a new one
     */
    public function notify(Notification $notification, string $requestId = ''): Outcome;

    /**
     * @param Notification[] $notifications at most 1,000
     * @return Outcome[] one for each, in order
     */
    public function batch(array $notifications, string $requestId = ''): array;

    /**
     * Ends every socket of a user for good; for the site's logout.
     *
     * @param int|string $user
     */
    public function disconnect($user, string $reason = 'logged_out', string $requestId = ''): Outcome;
}
