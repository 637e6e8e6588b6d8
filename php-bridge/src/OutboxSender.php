<?php

declare(strict_types=1);

namespace RelayBridge;

/** Claims heads, sends them, and settles each row by its answer. */
final class OutboxSender
{
    // A row that fails alone while the relay works: about 20 minutes of trying before it is parked.
    private const OWN_FAILURES = 20;
    private const LONGEST_BACKOFF_SECONDS = 60;

    private $table;
    private $relay;

    public function __construct(OutboxTable $table, RelayClient $relay)
    {
        $this->table = $table;
        $this->relay = $relay;
    }

    /**
     * @param int[] $heads at most one of each conversation: a batch's results are per item, so a second one of a
     *   conversation could be taken although the first was not
     * @throws DatabaseFailed
     */
    public function send(array $heads): DrainReport
    {
        $notifications = [];
        $rows = [];
        $parked = [];
        foreach ($this->table->claim($heads) as $row) {
            try {
                $notifications[] = $row->notification();
                $rows[] = $row;
            } catch (InvalidNotification $e) {
                $this->table->park($row, $e->getMessage());
                $parked[] = "row {$row->seq()}: {$e->getMessage()}";
            }
        }
        return (new DrainReport([], $parked))->and($this->settle($rows, $notifications, $this->outcomes($notifications)));
    }

    /** @return Outcome[] one for each notification, or fewer where the relay failed as a whole on the last of them */
    private function outcomes(array $notifications): array
    {
        if (count($notifications) > 1) {
            $outcomes = $this->relay->batch($notifications);
            if (!in_array($outcomes[0]->status(), [400, 404, 413, 500], true)) {
                return $outcomes;
            }
            // One bad notification, or their sum, had the whole batch refused: each for itself then.
        }
        $outcomes = [];
        foreach ($notifications as $notification) {
            $outcomes[] = $outcome = $this->relay->notify($notification);
            if ($this->isOfTheRelay($outcome)) {
                break;
            }
        }
        return $outcomes;
    }

    private function settle(array $rows, array $notifications, array $outcomes): DrainReport
    {
        $report = new DrainReport();
        $accepted = [];
        foreach ($rows as $i => $row) {
            $outcome = $outcomes[$i] ?? end($outcomes);
            if ($outcome->isAccepted()) {
                $accepted[] = $row;
            }
            $report = $report->and($this->reportOn($row, $notifications[$i], $outcome));
        }
        $this->table->delete($accepted);
        return $report;
    }

    private function reportOn(OutboxRow $row, Notification $notification, Outcome $outcome): DrainReport
    {
        $outcomes = [$notification->id() => $outcome];
        if ($outcome->isAccepted()) {
            return new DrainReport($outcomes);
        }
        $error = $outcome->code() . ': ' . $outcome->message() . ($outcome->details() === [] ? '' : ' ' . json_encode($outcome->details()));
        if ($this->isOfTheRelay($outcome)) {
            $this->table->release($row, $error);
            return new DrainReport($outcomes, [], $outcome);
        }
        $mayPassLater = $outcome->isRetryable() || $outcome->code() === 'unknown_conversation';
        if ($mayPassLater && $row->attempts() + 1 < self::OWN_FAILURES) {
            $this->table->postpone($row, $error, min(self::LONGEST_BACKOFF_SECONDS, 2 ** $row->attempts()));
            return new DrainReport($outcomes);
        }
        $this->table->park($row, $error);
        return new DrainReport($outcomes, ["notification {$notification->id()}: $error"]);
    }

    /** A 500 may be one row's doing, so it holds up no other conversation; the rest that may pass later is everybody's. */
    private function isOfTheRelay(Outcome $outcome): bool
    {
        return $outcome->isRetryable() && $outcome->status() !== 500 && $outcome->code() !== 'internal';
    }
}
