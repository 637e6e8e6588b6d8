<?php

declare(strict_types=1);

namespace RelayBridge;

/** Claims heads, sends them, and settles each row by its answer. */
final class OutboxSender
{
    // A row that fails alone while the relay works: about a quarter of an hour of trying before it is parked.
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
     * @param PageTime|null $time where a page waits: rows that it does not reach go back to the drain
     * @throws DatabaseFailed
     */
    public function send(array $heads, ?PageTime $time = null): DrainReport
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
        return (new DrainReport([], $parked))->and($this->settle($rows, $notifications, $this->outcomes($notifications, $time)));
    }

    /** @return Outcome[] one for each notification, or fewer where the last of them holds for the rest */
    private function outcomes(array $notifications, ?PageTime $time): array
    {
        $relay = $this->relayWithin($time);
        $refusal = null;
        if (count($notifications) > 1) {
            $outcomes = $relay->batch($notifications);
            if (!in_array($outcomes[0]->status(), [400, 404, 413, 500], true)) {
                return $outcomes;
            }
            // One bad notification, or their sum, had the whole batch refused: each for itself then.
            $refusal = $outcomes[0];
        }
        $outcomes = [];
        foreach ($notifications as $notification) {
            $outcomes[] = $outcome = $refusal !== null && $time !== null && $time->isUp()
                ? $this->leftToTheDrain($refusal)
                : $relay->notify($notification);
            if ($this->isOfTheRelay($outcome)) {
                break;
            }
        }
        return $outcomes;
    }

    private function relayWithin(?PageTime $time): RelayClient
    {
        return $time !== null && $this->relay instanceof TimedRelayClient ? $this->relay->endingBy($time->end()) : $this->relay;
    }

    private function leftToTheDrain(Outcome $refusal): Outcome
    {
        $message = "the page's time was up after a batch was refused ({$refusal->code()})";
        return new Outcome(0, ['error' => ['code' => 'no_time', 'message' => $message]]);
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
        $outcomes = [$notification->id() => [$notification->event() => $outcome]];
        if ($outcome->isAccepted()) {
            return new DrainReport($outcomes);
        }
        $error = $outcome->code() . ': ' . $outcome->message() . ($outcome->details() === [] ? '' : ' ' . json_encode($outcome->details()));
        if ($this->isOfTheRelay($outcome)) {
            $this->table->release($row, $error);
            return new DrainReport($outcomes, [], $outcome);
        }
        if ($this->isWorthAnother($row, $outcome)) {
            $this->table->postpone($row, $error, min(self::LONGEST_BACKOFF_SECONDS, 2 ** $row->attempts()));
            return new DrainReport($outcomes, [], null, '', [$outcome->code()]);
        }
        $this->table->park($row, $error);
        return new DrainReport($outcomes, ["notification {$notification->id()}: $error"]);
    }

    private function isWorthAnother(OutboxRow $row, Outcome $outcome): bool
    {
        // However long the backend is away, it is no fault of the row.
        if ($outcome->isOfTheBackend()) {
            return true;
        }
        $mayPassLater = $outcome->isRetryable() || $outcome->code() === 'unknown_conversation';
        return $mayPassLater && $row->attempts() + 1 < self::OWN_FAILURES;
    }

    /**
     * A 500 may be one row's doing, and the backend's failure one conversation's, so they hold up no other; the rest
     * that may pass later is everybody's.
     */
    private function isOfTheRelay(Outcome $outcome): bool
    {
        return $outcome->isRetryable() && $outcome->status() !== 500 && $outcome->code() !== 'internal' && !$outcome->isOfTheBackend();
    }
}
