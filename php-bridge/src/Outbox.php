<?php

declare(strict_types=1);

namespace RelayBridge;

/** A message and the duty to notify of it are committed as one, so that neither is ever without the other. */
final class Outbox
{
    private $table;
    private $upkeep;
    private $sender;
    private $conversations = [];
    private $isRegistered = false;

    /**
     * @param \PDO|\mysqli $connection the one that the site's transaction runs on
     * @param string $table as made by schema/outbox.sql
     * @throws InvalidSetting
     */
    public function __construct($connection, RelayClient $relay, string $table = 'relay_outbox')
    {
        $outbox = new OutboxConnection($connection, $table);
        $this->table = $outbox->table();
        $this->upkeep = $outbox->upkeep();
        $this->sender = new OutboxSender($this->table, $relay);
    }

    /**
     * Within the site's transaction. Changes the connection's last insert id.
     *
     * @throws UnencodableMessage naming the field that is not UTF-8
     * @throws InvalidNotification
     * @throws DatabaseFailed
     */
    public function add(Notification $notification): void
    {
        if (!$notification->isDurable()) {
            throw new InvalidNotification('durable: a signal may be lost, so notify() sends it, not the outbox');
        }
        $conversation = $this->orderedBy($notification);
        $this->table->insert($conversation, $notification->json());
        $this->conversations[$conversation] = $conversation;
    }

    /**
     * After the commit: tries what was added, behind older rows of the same conversations. What does not go stays
     * for bin/outbox. Its calls take 300 ms at most, whatever time limit HttpRelayClient was given. Never throws.
     */
    public function flush(): DrainReport
    {
        $time = new PageTime();
        try {
            if (!$this->table->isReadyToSend()) {
                return new DrainReport([], [], null, 'the transaction is still open: flush() belongs after the commit');
            }
            return $this->flushWithin($time);
        } catch (DatabaseFailed $e) {
            return new DrainReport([], [], null, $e->getMessage());
        } catch (\Throwable $e) {
            // The message is committed: a connection that the site has closed, or its error handler, makes no 500 of that.
            return new DrainReport([], [], null, 'outbox: ' . get_class($e) . ': ' . $e->getMessage());
        }
    }

    /** flush() at the end of the request, when the answer is out wherever PHP can send it before its end (FPM, LiteSpeed). */
    public function flushAfterResponse(): void
    {
        if ($this->isRegistered) {
            return;
        }
        $this->isRegistered = true;
        register_shutdown_function(function (): void {
            try {
                $this->finishResponse();
            } catch (\Throwable $e) {
                error_log('relay outbox: the response was not finished: ' . $e);
            }
            $this->isRegistered = false;
            $this->flush();
        });
    }

    /**
     * @return array {waiting: int, oldest_seconds: float|null, failed: int, last_error: string|null}
     * @throws DatabaseFailed
     */
    public function status(): array
    {
        return $this->upkeep->status();
    }

    private function finishResponse(): void
    {
        if (session_status() === PHP_SESSION_ACTIVE) {
            session_write_close();
        }
        foreach (['fastcgi_finish_request', 'litespeed_finish_request'] as $finish) {
            if (function_exists($finish)) {
                $finish();
            }
        }
    }

    private function flushWithin(PageTime $time): DrainReport
    {
        $report = new DrainReport();
        while ($this->conversations !== []) {
            $heads = [];
            foreach ($this->conversations as $conversation) {
                $head = $this->table->headOf((string) $conversation);
                if ($head === []) {
                    // Nothing left, or whoever holds the head reads again after it and finds ours.
                    unset($this->conversations[$conversation]);
                }
                $heads = array_merge($heads, $head);
            }
            $report = $report->and($this->sender->send($heads, $time));
            if ($report->stoppedBy() !== null || $time->isUp()) {
                break;
            }
        }
        $this->conversations = [];
        return $report;
    }

    private function orderedBy(Notification $notification): string
    {
        $conversation = $notification->conversation();
        if ($conversation === null) {
            $people = $notification->recipients();
            $people[] = (string) ($notification->sender() ?? $notification->message()['sender_id'] ?? '');
            $people = array_unique($people);
            sort($people, SORT_STRING);
            $conversation = 'people:' . sha1(implode("\n", $people));
        }
        return strlen($conversation) > 128 ? 'sha256:' . hash('sha256', $conversation) : $conversation;
    }
}
