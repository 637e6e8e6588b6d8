<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

use RelayBridge\DatabaseFailed;
use RelayBridge\HttpRelayClient;
use RelayBridge\InvalidNotification;
use RelayBridge\InvalidSetting;
use RelayBridge\NoBreaker;
use RelayBridge\Notification;
use RelayBridge\Outbox;
use RelayBridge\OutboxConnection;
use RelayBridge\Outcome;
use RelayBridge\RecordingRelayClient;
use RelayBridge\TokenIssuer;
use RelayBridge\UnencodableMessage;

return static function (Suite $suite): void {
    $database = static function () use ($suite): MariaDb {
        $db = $suite->shared('MariaDB', static function (): array {
            $db = new MariaDb();
            return [$db, [$db, 'stop']];
        });
        $db->reset();
        return $db;
    };
    $note = static function ($id, $conversation = 5): Notification {
        return new Notification(['id' => $id, 'conversation_id' => $conversation, 'sender_id' => 3, 'content' => 'häßlich 😀 \' " \\ %'], [3, 17]);
    };
    $waiting = static function (MariaDb $db): array {
        return array_column($db->pdo()->query('SELECT payload FROM relay_outbox WHERE failed_at IS NULL ORDER BY seq')->fetchAll(), 'payload');
    };
    $idsWaiting = static function (MariaDb $db) use ($waiting): array {
        return array_map(static function (string $payload): string {
            return json_decode($payload, true)['id'];
        }, $waiting($db));
    };
    $sentTo = static function (RecordingRelayClient $relay): array {
        return array_map(static function (Notification $n): string {
            return $n->id();
        }, $relay->notifications());
    };
    $down = static function (): Outcome {
        return new Outcome(503, ['error' => ['code' => 'draining', 'message' => '']], 1);
    };
    $begin = static function ($connection): void {
        $connection instanceof \PDO ? $connection->beginTransaction() : $connection->begin_transaction();
    };

    $drivers = [
        'PDO' => static function (MariaDb $db) {
            return $db->pdo();
        },
        'PDO, native prepares, silent errors, upper-case names' => static function (MariaDb $db) {
            return $db->pdo([\PDO::ATTR_ERRMODE => \PDO::ERRMODE_SILENT, \PDO::ATTR_EMULATE_PREPARES => false, \PDO::ATTR_CASE => \PDO::CASE_UPPER]);
        },
        'mysqli' => static function (MariaDb $db) {
            return $db->mysqli();
        },
        'mysqli, silent errors' => static function (MariaDb $db) {
            $mysqli = $db->mysqli();
            mysqli_report(MYSQLI_REPORT_OFF);
            return $mysqli;
        },
    ];

    foreach ($drivers as $name => $connect) {
        $suite->test("a message goes with its transaction, or not at all ($name)", static function (Check $check) use ($database, $connect, $note, $begin, $waiting, $sentTo): void {
            $db = $database();
            $connection = $connect($db);
            $relay = new RecordingRelayClient();
            $outbox = new Outbox($connection, $relay);

            $begin($connection);
            $connection->query('INSERT INTO Messages (content) VALUES ("gone")');
            $outbox->add($note(1));
            $connection->rollBack();
            $check->same(0, $outbox->flush()->sent());
            $check->same([], $waiting($db));

            $begin($connection);
            $connection->query('INSERT INTO Messages (content) VALUES ("kept")');
            $outbox->add($note(2));
            $early = $outbox->flush();
            $check->contains('after the commit', $early->problem());
            $check->same([], $sentTo($relay), 'nothing goes before the commit');
            $connection->commit();
            $check->same([$note(2)->json()], $waiting($db), 'kept as it is sent');

            $report = $outbox->flush();
            $check->same([1, true, ''], [$report->sent(), $report->outcome(2)->isAccepted(), $report->problem()]);
            $check->same($note(2)->json(), $relay->notifications()[0]->json());
            $check->same([], $waiting($db));
        });

        $suite->test("text that is not UTF-8 leaves no row ($name)", static function (Check $check) use ($database, $connect, $begin, $waiting): void {
            $db = $database();
            $connection = $connect($db);
            $outbox = new Outbox($connection, new RecordingRelayClient());
            $begin($connection);
            $e = $check->throws(UnencodableMessage::class, static function () use ($outbox): void {
                $outbox->add(new Notification(['id' => 1, 'content' => "\xff"], [17]));
            });
            $connection->rollBack();
            $check->same('message.content', $e->field());
            $check->same([], $waiting($db));
        });

        $suite->test("without autocommit a flush leaves no lock and no row ($name)", static function (Check $check) use ($database, $connect, $note, $waiting): void {
            $db = $database();
            $connection = $connect($db);
            $connection->query('SET autocommit = 0');
            $outbox = new Outbox($connection, new RecordingRelayClient());
            $outbox->add($note(1));
            $check->contains('after the commit', $outbox->flush()->problem());
            $connection->query('COMMIT');
            $check->same(1, $outbox->flush()->sent());
            $check->same([], $waiting($db));
        });

        $suite->test("a missing table is an exception for add and a report for flush ($name)", static function (Check $check) use ($database, $connect, $note): void {
            $db = $database();
            $connection = $connect($db);
            $outbox = new Outbox($connection, new RecordingRelayClient());
            $outbox->add($note(1));
            $db->pdo()->exec('DROP TABLE relay_outbox');
            $check->contains('relay_outbox', $outbox->flush()->problem());
            $check->same(1146, $check->throws(DatabaseFailed::class, static function () use ($outbox, $note): void {
                $outbox->add($note(1));
            })->getCode());
        });
    }

    $suite->test('a connection that the site has closed, or lost under a handler that throws, is a report for flush', static function (Check $check) use ($database, $note, $idsWaiting): void {
        $db = $database();
        $closed = $db->mysqli();
        $outbox = new Outbox($closed, new RecordingRelayClient());
        $outbox->add($note(1));
        $closed->close();
        $check->contains('mysqli', $outbox->flush()->problem());

        $lost = $db->mysqli();
        mysqli_report(MYSQLI_REPORT_OFF);
        $outbox = new Outbox($lost, new RecordingRelayClient());
        $outbox->add($note(2));
        $db->pdo()->exec('KILL ' . $lost->thread_id);
        $check->contains('outbox: ', $outbox->flush()->problem());
        $check->same(['1', '2'], $idsWaiting($db), 'the drain has them');
    });

    $suite->test('what the relay did not take waits, and a newer message waits behind it', static function (Check $check) use ($database, $note, $down, $idsWaiting, $sentTo): void {
        $db = $database();
        $relay = new RecordingRelayClient([$down(), $down()]);
        (new Outbox($db->pdo(), $relay))->add($note(1));
        $page = static function (int $id, $conversation) use ($db, $relay, $note) {
            $outbox = new Outbox($db->pdo(), $relay);
            $outbox->add($note($id, $conversation));
            return $outbox->flush();
        };
        $check->same('draining', $page(2, 5)->stoppedBy()->code());
        $check->same(['1', '2'], $idsWaiting($db));
        $page(3, '5');
        $check->same(['1', '2', '3'], $idsWaiting($db));
        $check->same(1, $page(4, 6)->sent(), 'another conversation goes');
        $check->same(4, $page(5, 5)->sent(), 'the whole conversation goes with the next one, in order');
        $check->same([], $idsWaiting($db));
        $check->same(['1', '1', '4', '1', '2', '3', '5'], $sentTo($relay));
    });

    $suite->test('a flush tells of a message and of its edit under the same id', static function (Check $check) use ($database, $note): void {
        $refused = new Outcome(400, ['error' => ['code' => 'invalid_body', 'message' => '']]);
        $outbox = new Outbox($database()->pdo(), new RecordingRelayClient([new Outcome(200, ['delivered' => []]), $refused]));
        $outbox->add($note(981));
        $outbox->add($note(981)->withEvent('message_edited'));
        $outbox->add($note(982)->withEvent('new_message'));
        $report = $outbox->flush();
        $check->same([2, true], [$report->sent(), $report->outcome('981')->isAccepted()]);
        $check->same('invalid_body', $report->outcome(981, 'message_edited')->code());
        $check->true($report->outcome(982)->isAccepted(), 'a name of the site\'s own');
        $check->same([981, '981 message_edited', 982], array_keys($report->outcomes()));
        $check->same([null, null], [$report->outcome(983), $report->outcome(982, 'message_edited')]);
    });

    $suite->test('a head that somebody else is sending is left to them, with what is behind it', static function (Check $check) use ($database, $note, $idsWaiting, $sentTo): void {
        $db = $database();
        $relay = new RecordingRelayClient();
        (new Outbox($db->pdo(), $relay))->add($note(1));
        $db->pdo()->exec("UPDATE relay_outbox SET claim = 'another', not_before = UTC_TIMESTAMP(3) + INTERVAL 60 SECOND");
        $outbox = new Outbox($db->pdo(), $relay);
        $outbox->add($note(2));
        $check->same(0, $outbox->flush()->sent());
        $check->same([], $sentTo($relay));
        $db->pdo()->exec('UPDATE relay_outbox SET not_before = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE claim IS NOT NULL');
        $outbox->add($note(3));
        $check->same(3, $outbox->flush()->sent(), 'a lease that ran out holds nothing up');
        $check->same(['1', '2', '3'], $sentTo($relay));
        $check->same([], $idsWaiting($db));
    });

    $suite->test('a database clock that was put back by an hour freezes no row, and no conversation behind it', static function (Check $check) use ($database, $note, $idsWaiting, $sentTo): void {
        $db = $database();
        $relay = new RecordingRelayClient();
        $outbox = new Outbox($db->pdo(), $relay);
        foreach ([1, 2] as $id) {
            (new Outbox($db->pdo(), $relay))->add($note($id));
        }
        $db->pdo()->exec('UPDATE relay_outbox SET created_at = created_at + INTERVAL 1 HOUR, not_before = not_before + INTERVAL 1 HOUR');
        $db->pdo()->exec("UPDATE relay_outbox SET claim = 'of a dead one' WHERE seq = 1");
        $table = (new OutboxConnection($db->pdo(), 'relay_outbox'))->table();
        $check->same([1], $table->heads(10));
        $outbox->add($note(3));
        $check->same(3, $outbox->flush()->sent());
        $check->same(['1', '2', '3'], $sentTo($relay), 'in order');
        $check->same([], $idsWaiting($db));
    });

    $suite->test('a row that others have inserted and not committed holds nobody up', static function (Check $check) use ($database, $note): void {
        $db = $database();
        $relay = new RecordingRelayClient();
        $other = $db->pdo();
        $other->beginTransaction();
        (new Outbox($other, $relay))->add($note(1, 6));
        $own = $db->pdo();
        $own->exec('SET innodb_lock_wait_timeout = 1');
        $outbox = new Outbox($own, $relay);
        $outbox->add($note(2, 5));
        $report = $outbox->flush();
        $check->same([1, ''], [$report->sent(), $report->problem()]);
        $outbox->add($note(3, 6));
        $check->same(1, $outbox->flush()->sent(), 'nor in its own conversation: order is the order of commits');
        $other->commit();
    });

    $suite->test('a message without a conversation keeps the order of its people', static function (Check $check) use ($database): void {
        $db = $database();
        $outbox = new Outbox($db->pdo(), new RecordingRelayClient());
        $outbox->add(new Notification(['id' => 1, 'sender_id' => 3], [17, 42]));
        $outbox->add(new Notification(['id' => 2, 'sender_id' => 17], [42, 3]));
        $outbox->add((new Notification(['id' => 3], [17, 3]))->withSender(42));
        $outbox->add(new Notification(['id' => 4, 'sender_id' => 3], [17]));
        $outbox->add((new Notification(['id' => 5], [17]))->withConversation(str_repeat('ö', 120)));
        $keys = $db->pdo()->query('SELECT conversation FROM relay_outbox ORDER BY seq')->fetchAll(\PDO::FETCH_COLUMN);
        $check->same([true, true, false], [$keys[0] === $keys[1], $keys[1] === $keys[2], $keys[0] === $keys[3]]);
        $check->contains('sha256:', $keys[4]);
    });

    $suite->test('signals, foreign connections and odd table names are refused', static function (Check $check) use ($database, $note): void {
        $pdo = $database()->pdo();
        $check->throws(InvalidNotification::class, static function () use ($pdo, $note): void {
            (new Outbox($pdo, new RecordingRelayClient()))->add($note(1)->asSignal());
        });
        foreach ([[new \stdClass(), 'relay_outbox'], [$pdo, 'a b'], [$pdo, '`x`']] as list($connection, $table)) {
            $check->throws(InvalidSetting::class, static function () use ($connection, $table): void {
                new Outbox($connection, new RecordingRelayClient(), $table);
            });
        }
    });

    foreach ([250, 5000] as $timeoutMs) {
        $suite->test("a page loses at most 350 ms to a black hole, also with a client that may take $timeoutMs, and the message waits", static function (Check $check) use ($database, $note, $idsWaiting, $timeoutMs): void {
            $db = $database();
            $hole = stream_socket_server('tcp://127.0.0.1:0');
            $relay = new HttpRelayClient('http://' . stream_socket_get_name($hole, false), new TokenIssuer(str_repeat('s', 32)), $timeoutMs, new NoBreaker());
            $outbox = new Outbox($db->pdo(), $relay);
            foreach ([1, 2, 3, 4] as $id) {
                $outbox->add($note($id, $id));
            }
            $start = microtime(true);
            $report = $outbox->flush();
            $ms = (microtime(true) - $start) * 1000;
            $check->same('timeout', $report->stoppedBy()->code());
            $check->true($ms <= 350, "took $ms ms");
            $check->same(['1', '2', '3', '4'], $idsWaiting($db));
            $check->contains('timeout', (string) $outbox->status()['last_error']);
            $check->same([4, 0], [$outbox->status()['waiting'], $outbox->status()['failed']]);
            fclose($hole);
        });
    }

    foreach ([400, 404, 413, 500] as $status) {
        $suite->test("a page loses at most 350 ms to a relay that refuses a batch late ($status), and the drain finds the messages free", static function (Check $check) use ($suite, $database, $note, $idsWaiting, $status): void {
            $db = $database();
            $secret = str_repeat('s', 32);
            $server = new FakeRelay($secret);
            $suite->after([$server, 'stop']);
            $server->behave(['batch' => $status, 'delay_ms' => 200]);
            $relay = new HttpRelayClient($server->address(), new TokenIssuer($secret), 250, new NoBreaker());
            foreach ([2, 3] as $count) {
                $db->reset();
                $outbox = new Outbox($db->pdo(), $relay);
                $ids = range(1, $count);
                foreach ($ids as $id) {
                    $outbox->add($note($id, $id));
                }
                $start = microtime(true);
                $report = $outbox->flush();
                $ms = (microtime(true) - $start) * 1000;
                $check->true($ms <= 350, "$count conversations took $ms ms");
                $check->same([[], 'no_time'], [$report->parked(), $report->outcome(1)->code()]);
                $check->same(array_map('strval', $ids), $idsWaiting($db));
                $free = 'SELECT COUNT(*) FROM relay_outbox WHERE claim IS NULL AND attempts = 0 AND not_before <= UTC_TIMESTAMP(3)';
                $check->same($count, (int) $db->pdo()->query($free)->fetchColumn());
            }
            $server->behave([]);
            $outbox->add($note(9, 1));
            $check->same(2, $outbox->flush()->sent());
        });
    }

    $suite->test('a call whose time is up is not begun, and does not count for the breaker', static function (Check $check) use ($suite): void {
        $relay = new HttpRelayClient('unix:' . $suite->folder() . '/none.sock', new TokenIssuer(str_repeat('s', 32)));
        foreach (range(1, 5) as $id) {
            $outcome = $relay->endingBy(microtime(true))->notify(new Notification(['id' => $id], [17]));
            $check->same(['no_time', true], [$outcome->code(), $outcome->isRetryable()]);
        }
        $check->same('unreachable', $relay->notify(new Notification(['id' => 6], [17]))->code());
    });
};
