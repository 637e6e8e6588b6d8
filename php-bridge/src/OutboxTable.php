<?php

declare(strict_types=1);

namespace RelayBridge;

/**
 * The SQL of the outbox: MySQL 5.7, 8, MariaDB 10.x.
 *
 * Only the oldest row of a conversation (its head) is ever claimed, and a row goes only once the relay has answered
 * 200. So order holds whoever sends, and a lease that ran out under a slow sender costs a repeat that the relay
 * recognises by its id. A lease rather than GET_LOCK(): it ends by itself also where a persistent connection
 * outlives its request, behind a multiplexing proxy, and on a cluster. Every write names its rows by primary key
 * and so never waits for rows that a site has inserted and not yet committed.
 */
final class OutboxTable
{
    // Longer than any single call of a drain takes, short enough to wait out after a kill -9.
    private const LEASE_SECONDS = 5;
    // No row is ever made to wait this long: a minute is the longest backoff.
    private const NEVER_THAT_FAR_SECONDS = 65;
    private const IN_TRANSACTION = 1568;

    private $db;
    private $table;
    private $autocommits = true;

    /** @param string $table quoted, as OutboxConnection gives it */
    public function __construct(Database $db, string $table)
    {
        $this->db = $db;
        $this->table = $table;
    }

    /** Does not commit: it is the site's transaction. */
    public function insert(string $conversation, string $payload): void
    {
        $this->db->change(
            "INSERT INTO $this->table (conversation, payload, created_at, not_before) VALUES (?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))",
            [$conversation, $payload]
        );
    }

    /** @return bool false within a transaction, where nothing may be sent: it might still be rolled back */
    public function isReadyToSend(): bool
    {
        try {
            // The one statement that tells on every server, and without a privilege: refused within a transaction, else of no effect.
            $this->db->change('SET TRANSACTION READ WRITE');
        } catch (DatabaseFailed $e) {
            if ($e->getCode() === self::IN_TRANSACTION) {
                return false;
            }
            throw $e;
        }
        $this->autocommits = (int) $this->db->rows('SELECT @@autocommit')[0][0] === 1;
        $this->commit();
        return true;
    }

    /** @return int[] the heads that may be tried now, oldest first */
    public function heads(int $limit): array
    {
        return $this->headsWhere($this->isDue('o.not_before'), $limit);
    }

    /** @return int[] the one head of a conversation if it may be tried now, else none */
    public function headOf(string $conversation): array
    {
        // For this one look, whatever the site's connection is set to: READ UNCOMMITTED would show rows of other pages'
        // open transactions, and SERIALIZABLE without autocommit wait for them.
        $this->db->change('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
        return $this->seqs("SELECT seq FROM (
                SELECT seq, not_before FROM $this->table WHERE failed_at IS NULL AND conversation = ? ORDER BY seq LIMIT 1
            ) h WHERE {$this->isDue('not_before')}", [$conversation]);
    }

    /**
     * @param int[] $seqs
     * @return OutboxRow[] those that nobody else had claimed meanwhile
     */
    public function claim(array $seqs): array
    {
        if ($seqs === []) {
            return [];
        }
        $list = implode(',', array_map('intval', $seqs));
        $claim = bin2hex(random_bytes(8));
        $this->db->change("UPDATE $this->table FORCE INDEX (PRIMARY)
            SET claim = ?, not_before = UTC_TIMESTAMP(3) + INTERVAL " . self::LEASE_SECONDS . " SECOND
            WHERE seq IN ($list) AND failed_at IS NULL AND {$this->isDue('not_before')}", [$claim]);
        $this->commit();
        $rows = $this->db->rows("SELECT seq, payload, attempts FROM $this->table WHERE seq IN ($list) AND claim = ? ORDER BY seq", [$claim]);
        $this->commit();
        return array_map(static function (array $row) use ($claim): OutboxRow {
            return new OutboxRow((int) $row[0], $claim, $row[1], (int) $row[2]);
        }, $rows);
    }

    /** @param OutboxRow[] $rows of one claim */
    public function delete(array $rows): void
    {
        if ($rows === []) {
            return;
        }
        $list = implode(',', array_map(static function (OutboxRow $row): int {
            return $row->seq();
        }, $rows));
        // By claim too: MySQL 5.7 gives the numbers of deleted rows again after a restart.
        $this->db->change(
            "DELETE o FROM $this->table AS o FORCE INDEX (PRIMARY) WHERE o.seq IN ($list) AND o.claim = ?",
            [$rows[0]->claim()]
        );
        $this->commit();
    }

    /** Gives the row back at once; for failures that are not the row's own. */
    public function release(OutboxRow $row, string $error): void
    {
        $this->giveBack($row, $error, 'not_before = UTC_TIMESTAMP(3)');
    }

    public function postpone(OutboxRow $row, string $error, int $seconds): void
    {
        $this->giveBack($row, $error, 'attempts = attempts + 1, not_before = UTC_TIMESTAMP(3) + INTERVAL ' . $seconds . ' SECOND');
    }

    /** Takes the row out of its conversation's way and keeps it. */
    public function park(OutboxRow $row, string $error): void
    {
        $this->giveBack($row, $error, 'attempts = attempts + 1, failed_at = UTC_TIMESTAMP(3)');
    }

    /** Whether a head is to be had now, or is being sent by somebody, or was by one who died less than a lease ago. One look, so that nothing slips between two. */
    public function isAnyUnderWay(): bool
    {
        return $this->headsWhere('o.claim IS NOT NULL OR ' . $this->isDue('o.not_before'), 1) !== [];
    }

    /** An end further off than it was ever set is a clock that was put back: such rows would else wait as long as that. */
    private function isDue(string $end): string
    {
        return "($end <= UTC_TIMESTAMP(3) OR $end > UTC_TIMESTAMP(3) + INTERVAL " . self::NEVER_THAT_FAR_SECONDS . ' SECOND)';
    }

    /** @return int[] */
    private function headsWhere(string $condition, int $limit): array
    {
        return $this->seqs("SELECT o.seq FROM $this->table o
            JOIN (SELECT MIN(seq) AS seq FROM $this->table WHERE failed_at IS NULL GROUP BY conversation) h ON h.seq = o.seq
            WHERE $condition ORDER BY o.seq LIMIT " . $limit);
    }

    private function giveBack(OutboxRow $row, string $error, string $changes): void
    {
        $text = substr((string) preg_replace('/[^\x20-\x7e]/', '?', $error), 0, 500);
        $this->db->change(
            "UPDATE $this->table SET claim = NULL, last_error = ?, $changes WHERE seq = ? AND claim = ?",
            [$text, $row->seq(), $row->claim()]
        );
        $this->commit();
    }

    /** @return int[] */
    private function seqs(string $sql, array $params = []): array
    {
        $rows = $this->db->rows($sql, $params);
        $this->commit();
        return array_map('intval', array_column($rows, 0));
    }

    /** On a connection without autocommit a read would else hold its snapshot, and a write its lock, until the site's next commit. */
    private function commit(): void
    {
        if (!$this->autocommits) {
            $this->db->change('COMMIT');
        }
    }
}
