<?php

declare(strict_types=1);

namespace RelayBridge;

/** What people and programs ask of the outbox beside sending. */
final class OutboxUpkeep
{
    private $db;
    private $table;

    /** @param string $table quoted, as OutboxConnection gives it */
    public function __construct(Database $db, string $table)
    {
        $this->db = $db;
        $this->table = $table;
    }

    /** @return array {waiting: int, oldest_seconds: float|null, failed: int, last_error: string|null} */
    public function status(): array
    {
        $waiting = $this->db->rows("SELECT COUNT(*), TIMESTAMPDIFF(MICROSECOND, MIN(created_at), UTC_TIMESTAMP(3)) FROM $this->table WHERE failed_at IS NULL")[0];
        $failed = $this->db->rows("SELECT COUNT(*) FROM $this->table WHERE failed_at IS NOT NULL")[0];
        $error = $this->db->rows("SELECT last_error FROM $this->table WHERE last_error IS NOT NULL ORDER BY seq DESC LIMIT 1");
        return [
            'waiting' => (int) $waiting[0],
            'oldest_seconds' => $waiting[1] === null ? null : round($waiting[1] / 1e6, 3),
            'failed' => (int) $failed[0],
            'last_error' => $error[0][0] ?? null,
        ];
    }

    /** Ends the backoff of every row, for a run that somebody asked for. */
    public function forgetBackoff(): void
    {
        // Row by row, since one statement for all would wait for rows that a site has not yet committed.
        $later = "SELECT seq FROM $this->table WHERE failed_at IS NULL AND claim IS NULL AND not_before > UTC_TIMESTAMP(3)";
        foreach ($this->db->rows($later) as $row) {
            $this->db->change("UPDATE $this->table SET not_before = UTC_TIMESTAMP(3) WHERE seq = ? AND claim IS NULL", [$row[0]]);
        }
    }

    /** @return int how many parked rows wait again */
    public function requeue(): int
    {
        $parked = $this->db->rows("SELECT seq FROM $this->table WHERE failed_at IS NOT NULL");
        foreach ($parked as $row) {
            $this->db->change("UPDATE $this->table SET failed_at = NULL, attempts = 0, not_before = UTC_TIMESTAMP(3) WHERE seq = ?", [$row[0]]);
        }
        return count($parked);
    }
}
