<?php

declare(strict_types=1);

namespace RelayBridge;

/**
 * The little that the outbox needs of PDO and mysqli alike. It is the site's connection, so every error mode
 * works. DatabaseFailed carries the server's error number as its code.
 */
interface Database
{
    /**
     * @return int rows changed
     * @throws DatabaseFailed
     */
    public function change(string $sql, array $params = []): int;

    /**
     * @return array[] rows as lists, so that no setting of the connection renames a column
     * @throws DatabaseFailed
     */
    public function rows(string $sql, array $params = []): array;
}
