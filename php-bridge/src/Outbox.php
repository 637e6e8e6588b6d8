<?php

declare(strict_types=1);

namespace RelayBridge;

final class Outbox
{
    /** @param \PDO|\mysqli $connection the one that the site's transaction runs on */
    public function __construct($connection, RelayClient $relay, string $table = 'relay_outbox')
    {
    }

    /**
     * Within the site's transaction. Changes the connection's last insert id.
     *
     * @throws UnencodableMessage|InvalidNotification|DatabaseFailed
     */
    public function add(Notification $notification): void
    {
    }

    /** After the commit: tries what was added, behind older rows of the same conversations. At most 300 ms; never throws. */
    public function flush(): DrainReport
    {
    }

    /** flush() once the response is out (fastcgi_finish_request where there is one), at the end of the request. */
    public function flushAfterResponse(): void
    {
    }

    /** How much waits: {waiting: int, oldest_seconds: float|null, failed: int, last_error: string|null}. */
    public function status(): array
    {
    }
}
