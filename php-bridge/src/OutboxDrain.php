<?php

declare(strict_types=1);

namespace RelayBridge;

/** Sends what waits, for bin/outbox. Any number of drains may run at once. */
final class OutboxDrain
{
    private const LARGEST_BATCH = 50;
    private const LOOK_SECONDS = 0.25;
    private const LONGEST_WAIT_SECONDS = 5.0;
    private const LONGEST_RETRY_AFTER_SECONDS = 60;
    private const RATE_LIMITS_IN_A_ROW = 3;
    private const TELL_AGAIN_SECONDS = 60;

    private $table;
    private $sender;
    private $log;
    private $isStopped;
    private $batch = self::LARGEST_BATCH;
    // Half of what was last too much, until turns pass without one.
    private $largest = self::LARGEST_BATCH;
    private $lastSize = 0;
    // Rows by code since that was told, the codes that were, and when.
    private $postponed = [];
    private $toldOf = [];
    private $toldAt = 0.0;

    /**
     * @param callable $log takes one line
     * @param callable $isStopped true when the drain is to end after the call that it is in
     */
    public function __construct(OutboxTable $table, RelayClient $relay, callable $log, callable $isStopped)
    {
        $this->table = $table;
        $this->sender = new OutboxSender($table, $relay);
        $this->log = $log;
        $this->isStopped = $isStopped;
    }

    /**
     * Until nothing is left or the relay does not take it. Waits for what others are sending just now, since its
     * answer, "nothing is left", includes theirs.
     *
     * @return int how many were sent
     * @throws DatabaseFailed
     */
    public function once(): int
    {
        $sent = 0;
        $limited = 0;
        while (!($this->isStopped)()) {
            $report = $this->turn();
            $sent += $report->sent();
            $failure = $report->stoppedBy();
            if ($failure === null) {
                $limited = 0;
                if ($report->outcomes() === [] && $report->parked() === []) {
                    if (!$this->table->isAnyUnderWay()) {
                        break;
                    }
                    $this->pause(0.05);
                }
                continue;
            }
            $limited = $report->sent() > 0 ? 0 : $limited + 1;
            if (!$this->isWorthAnother($report, $limited)) {
                ($this->log)($failure->code() . ': ' . $failure->message());
                break;
            }
        }
        $this->tellOfPostponed();
        return $sent;
    }

    /** @throws DatabaseFailed */
    public function watch(): void
    {
        $wait = self::LOOK_SECONDS;
        $told = '';
        while (!($this->isStopped)()) {
            $report = $this->turn();
            $failure = $report->stoppedBy();
            if ($failure === null) {
                if ($told !== '') {
                    ($this->log)('the relay takes messages again');
                }
                $told = '';
                $wait = self::LOOK_SECONDS;
                $this->pause($report->sent() > 0 ? 0 : $wait);
                continue;
            }
            if ($told !== $failure->code()) {
                $told = $failure->code();
                ($this->log)("$told: {$failure->message()}; trying again");
            }
            $wait = $report->sent() > 0 ? self::LOOK_SECONDS : $wait;
            $this->pause(max($wait, min(self::LONGEST_RETRY_AFTER_SECONDS, (int) $failure->retryAfter())));
            $wait = min(self::LONGEST_WAIT_SECONDS, $wait * 2);
        }
    }

    private function turn(): DrainReport
    {
        $report = $this->sendHeads();
        foreach ($report->postponed() as $code => $rows) {
            $this->postponed[$code] = $rows + ($this->postponed[$code] ?? 0);
        }
        if (abs(microtime(true) - $this->toldAt) >= self::TELL_AGAIN_SECONDS) {
            $this->toldOf = [];
        }
        if (array_diff_key($this->postponed, $this->toldOf) !== []) {
            $this->tellOfPostponed();
        }
        return $report;
    }

    /** A code that is new at once, the same ones once a minute: while PHP's backend is away there are rows in every turn. */
    private function tellOfPostponed(): void
    {
        if ($this->postponed === []) {
            return;
        }
        $reasons = implode(', ', array_map(static function (string $code, int $rows): string {
            return "$code ($rows)";
        }, array_keys($this->postponed), $this->postponed));
        ($this->log)(array_sum($this->postponed) . " postponed, kept with the reason in last_error: $reasons");
        $this->toldOf += $this->postponed;
        $this->toldAt = microtime(true);
        $this->postponed = [];
    }

    private function sendHeads(): DrainReport
    {
        $total = new DrainReport();
        $heads = $this->table->heads(1000);
        while ($heads !== [] && !($this->isStopped)()) {
            $some = array_splice($heads, 0, $this->batch);
            $this->lastSize = count($some);
            $report = $this->sender->send($some);
            array_map($this->log, $report->parked());
            $total = $total->and($report);
            if ($report->stoppedBy() !== null) {
                $this->shrink($report->stoppedBy());
                return $total;
            }
            $this->batch = min($this->largest, $this->batch * 2);
        }
        $this->largest = min(self::LARGEST_BATCH, $this->largest * 2);
        return $total;
    }

    private function shrink(Outcome $failure): void
    {
        if ($this->lastSize > 1 && $this->dependsOnSize($failure)) {
            $this->largest = intdiv($this->lastSize, 2);
        }
        $this->batch = $failure->code() === 'timeout' ? 1 : max(1, min($this->largest, intdiv($this->batch, 2)));
    }

    /** A batch may have been too much where a smaller one is not; and a failure is none for the drain while the relay lets some through. */
    private function isWorthAnother(DrainReport $report, int $limitsInARow): bool
    {
        $failure = $report->stoppedBy();
        if ($this->lastSize > 1 && $this->dependsOnSize($failure)) {
            return true;
        }
        if (!$this->isLimit($failure)) {
            return $report->sent() > 0;
        }
        if ($limitsInARow > self::RATE_LIMITS_IN_A_ROW + 6) {
            return false;
        }
        $this->pause(min(self::LONGEST_WAIT_SECONDS, max(1, (int) $failure->retryAfter())));
        return true;
    }

    private function dependsOnSize(Outcome $failure): bool
    {
        return $failure->code() === 'timeout' || $this->isLimit($failure);
    }

    private function isLimit(Outcome $failure): bool
    {
        return $failure->status() === 429 || $failure->code() === 'rate_limited';
    }

    private function pause(float $seconds): void
    {
        $end = microtime(true) + $seconds;
        while (!($this->isStopped)() && ($left = $end - microtime(true)) > 0) {
            usleep((int) (min($left, 0.25) * 1e6));
        }
    }
}
