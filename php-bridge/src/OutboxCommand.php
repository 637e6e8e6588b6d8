<?php

declare(strict_types=1);

namespace RelayBridge;

/** The command line of bin/outbox. */
final class OutboxCommand
{
    // Nobody waits here, but a call must end well within a row's lease.
    private const TIMEOUT_MS = 3000;
    private const TELLS_AGAIN_SECONDS = 30;
    private const USAGE = <<<'TEXT'
usage: outbox --once | --watch | --status [--json] | --requeue

  --once     send what waits; exit status 0 when nothing is left, else 1, also for what was refused for good
  --watch    go on sending until SIGTERM
  --status   how much waits and how old it is; --json for programs
  --requeue  let what the relay had refused for good wait again

Environment: SITE_DB_DSN, SITE_DB_USER, SITE_DB_PASSWORD, RELAY_INTERNAL_URL, RELAY_SECRET or RELAY_SECRET_FILE

TEXT;

    private $environment;
    private $out;
    private $err;
    private $isStopped = false;

    /**
     * @param resource $out
     * @param resource $err
     */
    public function __construct(Environment $environment, $out, $err)
    {
        $this->environment = $environment;
        $this->out = $out;
        $this->err = $err;
    }

    /** @return int exit status: 2 for a wrong call */
    public function run(array $arguments): int
    {
        try {
            switch (implode(' ', $arguments)) {
                case '--once':
                    return $this->once();
                case '--watch':
                    return $this->watch();
                case '--status':
                case '--status --json':
                case '--json --status':
                    return $this->status(count($arguments) === 2);
                case '--requeue':
                    return $this->requeue();
            }
        } catch (RelayBridgeException $e) {
            $this->complain($this->explained($e));
            return 1;
        }
        fwrite($this->err, self::USAGE);
        return 2;
    }

    private function once(): int
    {
        $this->stopOnSignals();
        $relay = $this->relay();
        $outbox = $this->outbox();
        $outbox->upkeep()->forgetBackoff();
        $sent = $this->drain($outbox, $relay)->once();
        $status = $outbox->upkeep()->status();
        fwrite($this->out, "sent $sent, {$status['waiting']} left\n");
        if ($status['failed'] > 0) {
            $this->complain("{$status['failed']} refused for good, kept with the reason in last_error; --requeue tries them again, or delete them");
        }
        // What was refused goes by nobody's doing but an operator's, so the status calls for one.
        return $status['waiting'] + $status['failed'] === 0 ? 0 : 1;
    }

    private function watch(): int
    {
        $this->stopOnSignals();
        $relay = $this->relay();
        $this->environment->databaseSource();
        $told = 0;
        while (!$this->isStopped) {
            try {
                $this->drain($this->outbox(), $relay)->watch();
            } catch (DatabaseFailed $e) {
                // A service outlives a restart of its database, and may be started before it.
                if (time() - $told >= self::TELLS_AGAIN_SECONDS) {
                    $told = time();
                    $this->complain($this->explained($e) . '; trying again');
                }
                usleep(500000);
            }
        }
        return 0;
    }

    private function status(bool $asJson): int
    {
        $status = $this->outbox()->upkeep()->status();
        $age = $status['oldest_seconds'] === null ? '' : ", the oldest for {$status['oldest_seconds']} s";
        $text = "{$status['waiting']} waiting$age; {$status['failed']} refused for good"
            . ($status['last_error'] === null ? '' : "\nlast error: {$status['last_error']}");
        fwrite($this->out, ($asJson ? (new Json())->encode($status) : $text) . "\n");
        return 0;
    }

    private function requeue(): int
    {
        fwrite($this->out, $this->outbox()->upkeep()->requeue() . " wait again\n");
        return 0;
    }

    private function drain(OutboxConnection $outbox, RelayClient $relay): OutboxDrain
    {
        return new OutboxDrain($outbox->table(), $relay, [$this, 'complain'], function (): bool {
            return $this->isStopped;
        });
    }

    private function outbox(): OutboxConnection
    {
        $outbox = new OutboxConnection($this->environment->database(), 'relay_outbox');
        $outbox->settle();
        return $outbox;
    }

    private function relay(): RelayClient
    {
        $tokens = new TokenIssuer($this->environment->secret());
        return new HttpRelayClient($this->environment->internalUrl(), $tokens, self::TIMEOUT_MS, new NoBreaker());
    }

    private function stopOnSignals(): void
    {
        if (!function_exists('pcntl_async_signals')) {
            return;
        }
        pcntl_async_signals(true);
        foreach ([SIGTERM, SIGINT] as $signal) {
            pcntl_signal($signal, function (): void {
                $this->isStopped = true;
            });
        }
    }

    /** @internal the drain's log */
    public function complain(string $line): void
    {
        fwrite($this->err, gmdate('Y-m-d\TH:i:s\Z') . " outbox: $line\n");
    }

    private function explained(RelayBridgeException $e): string
    {
        $text = preg_replace('/^outbox: /', '', $e->getMessage());
        // 1146: no such table.
        return $e->getCode() === 1146 ? "$text; load php-bridge/schema/outbox.sql" : $text;
    }
}
