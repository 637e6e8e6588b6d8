<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

use RelayBridge\Notification;
use RelayBridge\Outbox;
use RelayBridge\RecordingRelayClient;

/** Servers, and connections, that are set up otherwise than MySQL and MariaDB come. */
return static function (Suite $suite): void {
    $secret = 'a secret of more than 32 bytes, for tests';
    $note = static function (int $id, int $conversation): Notification {
        return new Notification(['id' => $id, 'conversation_id' => $conversation, 'content' => 'hi'], [17]);
    };
    // Gives the database, and a connection that is set up as they come.
    $setUp = static function () use ($suite): array {
        $db = $suite->shared('MariaDB', static function (): array {
            $db = new MariaDb();
            return [$db, [$db, 'stop']];
        });
        $db->reset();
        return [$db, $db->pdo()];
    };
    $serverWide = static function (\PDO $usual, string $level, int $autocommit) use ($suite): void {
        $suite->after(static function () use ($usual): void {
            $usual->exec('SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ');
            $usual->exec('SET GLOBAL autocommit = 1');
        });
        $usual->exec("SET GLOBAL TRANSACTION ISOLATION LEVEL $level");
        $usual->exec("SET GLOBAL autocommit = $autocommit");
    };
    $left = static function (\PDO $usual): array {
        return array_map('intval', $usual->query('SELECT seq FROM relay_outbox WHERE failed_at IS NULL ORDER BY seq')->fetchAll(\PDO::FETCH_COLUMN));
    };

    foreach (['READ UNCOMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as $level) {
        foreach ([1 => 'with', 0 => 'without'] as $autocommit => $with) {
            $suite->test("a drain sends what is committed, and waits for nothing else, on a server of $level $with autocommit", static function (Check $check) use ($suite, $setUp, $serverWide, $left, $note, $secret, $level, $autocommit): void {
                list($db, $usual) = $setUp();
                $relay = new FakeRelay($secret);
                $suite->after([$relay, 'stop']);
                $slow = $db->pdo();
                $slow->beginTransaction();
                (new Outbox($slow, new RecordingRelayClient()))->add($note(1, 5));
                $box = new Outbox($usual, new RecordingRelayClient());
                $box->add($note(2, 5));
                $box->add($note(3, 6));
                $serverWide($usual, $level, $autocommit);
                $environment = ['RELAY_INTERNAL_URL' => $relay->address(), 'RELAY_SECRET' => $secret, 'RELAY_SECRET_FILE' => ''];
                $drain = static function () use ($suite, $environment, $db): Child {
                    $child = new Child([PHP_BINARY, __DIR__ . '/../bin/outbox', '--once'], $environment + $db->environment());
                    $suite->after([$child, 'kill']);
                    return $child;
                };
                $child = $drain();
                $check->same(0, $child->wait(20), $child->err());
                $check->contains('sent 2, 0 left', $child->out());
                $check->same([], $left($usual), 'and they are gone for everybody');
                $slow->commit();
                $check->same(0, $drain()->wait(20));
                $check->same(['2', '3', '1'], $relay->taken());
            });

            $suite->test("a flush waits for no other page's transaction on a connection of $level $with autocommit", static function (Check $check) use ($setUp, $left, $note, $level, $autocommit): void {
                list($db, $usual) = $setUp();
                $slow = $db->pdo();
                $slow->beginTransaction();
                (new Outbox($slow, new RecordingRelayClient()))->add($note(1, 5));
                $page = $db->pdo();
                $page->exec("SET SESSION TRANSACTION ISOLATION LEVEL $level");
                $page->exec("SET SESSION autocommit = $autocommit, innodb_lock_wait_timeout = 1");
                $outbox = new Outbox($page, new RecordingRelayClient());
                $outbox->add($note(2, 5));
                $page->exec('COMMIT');
                $report = $outbox->flush();
                $check->same(['', 1], [$report->problem(), $report->sent()]);
                $check->same([], $left($usual));
                $slow->commit();
                $check->same([1], $left($usual), 'the other page sends its own');
            });
        }
    }
};
