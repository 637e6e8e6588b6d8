<?php

declare(strict_types=1);

namespace RelayBridge;

/** Whichever connection a site has, and the outbox's table on it. */
final class OutboxConnection
{
    private $db;
    private $table;

    /**
     * @param \PDO|\mysqli $connection
     * @throws InvalidSetting
     */
    public function __construct($connection, string $table)
    {
        if (preg_match('/^[A-Za-z0-9_$]+(\.[A-Za-z0-9_$]+)?$/D', $table) !== 1) {
            throw new InvalidSetting("not a table's name: $table");
        }
        $this->table = '`' . str_replace('.', '`.`', $table) . '`';
        $this->db = $this->database($connection);
    }

    public function table(): OutboxTable
    {
        return new OutboxTable($this->db, $this->table);
    }

    public function upkeep(): OutboxUpkeep
    {
        return new OutboxUpkeep($this->db, $this->table);
    }

    /**
     * For a connection that no site uses, whatever the server has by default: at READ UNCOMMITTED, and at SERIALIZABLE without
     * autocommit, a drain would wait for rows that a site has not yet committed, and without autocommit nothing it does would last.
     *
     * @throws DatabaseFailed
     */
    public function settle(): void
    {
        $this->db->change('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
        $this->db->change('SET SESSION autocommit = 1');
    }

    private function database($connection): Database
    {
        if ($connection instanceof \PDO) {
            return new PdoDatabase($connection);
        }
        if ($connection instanceof \mysqli) {
            return new MysqliDatabase($connection);
        }
        $given = is_object($connection) ? get_class($connection) : gettype($connection);
        throw new InvalidSetting("the outbox takes a PDO or a mysqli connection, not $given");
    }
}
