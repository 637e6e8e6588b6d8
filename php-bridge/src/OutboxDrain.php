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

    private $table;
    private $sender;
    private $log;
    private $isStopped;
    private $batch = self::LARGEST_BATCH;

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
            $size = $this->batch;
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
            if (!$this->isWorthAnother($failure, $size, $limited)) {
                ($this->log)($failure->code() . ': ' . $failure->message());
                break;
            }
        }
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
            $this->pause(max($wait, min(self::LONGEST_RETRY_AFTER_SECONDS, (int) $failure->retryAfter())));
            $wait = min(self::LONGEST_WAIT_SECONDS, $wait * 2);
        }
    }

    private function turn(): DrainReport
    {
        $total = new DrainReport();
        $heads = $this->table->heads(1000);
        while ($heads !== [] && !($this->isStopped)()) {
            $report = $this->sender->send(array_splice($heads, 0, $this->batch));
            array_map($this->log, $report->parked());
            $total = $total->and($report);
            if ($report->stoppedBy() !== null) {
                $this->batch = $report->stoppedBy()->code() === 'timeout' ? 1 : max(1, intdiv($this->batch, 2));
                break;
            }
            $this->batch = min(self::LARGEST_BATCH, $this->batch * 2);
        }
        return $total;
    }

    /** A batch may have been too much where a smaller one is not; and a rate limit is no failure while it lets some through. */
    private function isWorthAnother(Outcome $failure, int $size, int $inARow): bool
    {
        $isLimit = $failure->status() === 429 || $failure->code() === 'rate_limited';
        if ($size > 1 && ($isLimit || $failure->code() === 'timeout')) {
            return true;
        }
        if (!$isLimit || $inARow > self::RATE_LIMITS_IN_A_ROW + 6) {
            return false;
        }
        $this->pause(min(self::LONGEST_WAIT_SECONDS, max(1, (int) $failure->retryAfter())));
        return true;
    }

    private function pause(float $seconds): void
    {
        $end = microtime(true) + $seconds;
        while (!($this->isStopped)() && ($left = $end - microtime(true)) > 0) {
            usleep((int) (min($left, 0.25) * 1e6));
        }
    }
}
