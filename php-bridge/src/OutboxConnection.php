<?php

declare(strict_types=1);

namespace RelayBridge;

/** Turns whichever connection a site has into the outbox's table. */
final class OutboxConnection
{
    /**
     * @param \PDO|\mysqli $connection
     * @throws InvalidSetting
     */
    public function table($connection, string $table): OutboxTable
    {
        if ($connection instanceof \PDO) {
            return new OutboxTable(new PdoDatabase($connection), $table);
        }
        if ($connection instanceof \mysqli) {
            return new OutboxTable(new MysqliDatabase($connection), $table);
        }
        throw new InvalidSetting('the outbox takes a PDO or a mysqli connection, not ' . (is_object($connection) ? get_class($connection) : gettype($connection)));
    }
}
