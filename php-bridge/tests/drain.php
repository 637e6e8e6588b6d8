<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

use RelayBridge\Notification;
use RelayBridge\Outbox;
use RelayBridge\OutboxConnection;
use RelayBridge\OutboxDrain;
use RelayBridge\Outcome;
use RelayBridge\RecordingRelayClient;
use RelayBridge\RelayClient;

return static function (Suite $suite): void {
    $secret = 'a secret of more than 32 bytes, for tests';
    $setUp = static function () use ($suite, $secret): array {
        $db = $suite->shared('MariaDB', static function (): array {
            $db = new MariaDb();
            return [$db, [$db, 'stop']];
        });
        $db->reset();
        $relay = new FakeRelay($secret);
        $suite->after([$relay, 'stop']);
        return [$db, $relay];
    };
    $outbox = static function (array $arguments, MariaDb $db, string $url) use ($suite, $secret): Child {
        $environment = ['RELAY_INTERNAL_URL' => $url, 'RELAY_SECRET' => $secret, 'RELAY_SECRET_FILE' => ''] + $db->environment();
        $child = new Child(array_merge([PHP_BINARY, __DIR__ . '/../bin/outbox'], $arguments), $environment);
        $suite->after([$child, 'kill']);
        return $child;
    };
    $fill = static function (MariaDb $db, int $count, int $conversations): void {
        $pdo = $db->pdo();
        $box = new Outbox($pdo, new RecordingRelayClient());
        $pdo->beginTransaction();
        for ($id = 1; $id <= $count; $id++) {
            $box->add(new Notification(['id' => $id, 'conversation_id' => $id % $conversations, 'content' => 'hi'], [17]));
        }
        $pdo->commit();
    };
    $inOrder = static function (Check $check, FakeRelay $relay, int $count, bool $once = true): void {
        $last = [];
        $seen = [];
        foreach ($relay->log() as $entry) {
            if ($entry['taken'] && !isset($seen[$entry['id']])) {
                $before = $last[$entry['conversation']] ?? 0;
                $check->true((int) $entry['id'] > $before, "{$entry['id']} came after $before");
                $last[$entry['conversation']] = (int) $entry['id'];
                $seen[$entry['id']] = true;
            } elseif ($once && $entry['taken']) {
                $check->true(false, "{$entry['id']} was sent twice");
            }
        }
        $check->same($count, count($seen), 'all were sent');
    };
    $status = static function (MariaDb $db) use ($outbox): array {
        $child = $outbox(['--status', '--json'], $db, '');
        (new Check())->same(0, $child->wait(), $child->err());
        return json_decode($child->out(), true);
    };

    $suite->test('--once sends what waits in order, and exits 0', static function (Check $check) use ($setUp, $fill, $outbox, $inOrder, $status): void {
        list($db, $relay) = $setUp();
        $fill($db, 120, 7);
        $before = $status($db);
        $check->same([120, 0, true], [$before['waiting'], $before['failed'], is_numeric($before['oldest_seconds'])]);
        $child = $outbox(['--once'], $db, $relay->address());
        $check->same(0, $child->wait(), $child->err());
        $check->contains('sent 120, 0 left', $child->out());
        $inOrder($check, $relay, 120);
        $check->true(count(array_filter(array_column($relay->log(), 'batch'))) > 100, 'most went in batches');
        $check->same(['waiting' => 0, 'oldest_seconds' => null, 'failed' => 0, 'last_error' => null], $status($db));
        $check->same(0, $outbox(['--once'], $db, $relay->address())->wait(), 'nothing to do is no failure');
    });

    $suite->test('two drains at once send each row once, in order', static function (Check $check) use ($setUp, $fill, $outbox, $inOrder): void {
        list($db, $relay) = $setUp();
        $fill($db, 200, 5);
        $children = [$outbox(['--once'], $db, $relay->address()), $outbox(['--once'], $db, $relay->address()), $outbox(['--once'], $db, $relay->address())];
        foreach ($children as $child) {
            $check->same(0, $child->wait(), $child->err());
        }
        $inOrder($check, $relay, 200);
    });

    $suite->test('a relay that is down, full or of another secret leaves the rows and exits 1', static function (Check $check) use ($setUp, $fill, $outbox, $status, $inOrder): void {
        list($db, $relay) = $setUp();
        $fill($db, 6, 3);
        foreach ([[503, 'draining'], [401, 'token_invalid'], [404, 'not_found'], [502, '']] as list($code, $text)) {
            $relay->behave(['down' => ['status' => $code, 'code' => $text]]);
            $child = $outbox(['--once'], $db, $relay->address());
            $check->same(1, $child->wait(), "$code");
            $check->contains($text === '' ? 'http_502' : $text, $child->err());
            $check->same([6, 0], [$status($db)['waiting'], $status($db)['failed']]);
        }
        $child = $outbox(['--once'], $db, 'unix:/nonexistent.sock');
        $check->same(1, $child->wait());
        $check->contains('unreachable', $child->err());
        $relay->behave([]);
        $check->same(0, $outbox(['--once'], $db, $relay->address())->wait());
        $inOrder($check, $relay, 6);
    });

    $suite->test('a refused row is parked with its reason and holds nothing up', static function (Check $check) use ($setUp, $fill, $outbox, $status): void {
        list($db, $relay) = $setUp();
        $fill($db, 9, 2);
        $relay->behave(['refuse' => ['1' => [400, 'invalid_body'], '4' => [413, 'payload_too_large']]]);
        $child = $outbox(['--once'], $db, $relay->address());
        $check->same(1, $child->wait(), 'they are left');
        $check->contains('notification 1: invalid_body', $child->err());
        $check->contains('2 refused for good', $child->err());
        $again = $outbox(['--once'], $db, $relay->address());
        $check->same(1, $again->wait(), 'until somebody has looked at them');
        $check->contains('2 refused for good', $again->err());
        $now = $status($db);
        $check->same([0, 2, 'payload_too_large: as told'], [$now['waiting'], $now['failed'], $now['last_error']]);
        $check->same(7, count($relay->taken()));
        $relay->behave([]);
        $check->same(0, $outbox(['--requeue'], $db, '')->wait());
        $check->same(0, $outbox(['--once'], $db, $relay->address())->wait());
        $check->same(9, count($relay->taken()));
        $check->same(0, $status($db)['failed']);
    });

    $suite->test('a batch refused as a whole is sent singly', static function (Check $check) use ($setUp, $fill, $outbox, $inOrder, $status): void {
        foreach ([400, 413, 500] as $code) {
            list($db, $relay) = $setUp();
            $fill($db, 6, 3);
            $relay->behave(['batch' => $code]);
            $child = $outbox(['--once'], $db, $relay->address());
            $check->same(0, $child->wait(), $child->err());
            $inOrder($check, $relay, 6);
        }
        $db->pdo()->exec("INSERT INTO relay_outbox (conversation, payload, created_at, not_before) VALUES ('x', 'no json', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))");
        $child = $outbox(['--once'], $db, $relay->address());
        $check->same(1, $child->wait());
        $check->same([0, 1], [$status($db)['waiting'], $status($db)['failed']], 'a row that is no notification is parked');
    });

    $suite->test('a row that fails alone holds up its own conversation only', static function (Check $check) use ($setUp, $fill, $outbox, $status, $inOrder): void {
        list($db, $relay) = $setUp();
        $fill($db, 9, 3);
        $relay->behave(['refuse' => ['1' => [500, 'internal'], '2' => [400, 'unknown_conversation']]]);
        $child = $outbox(['--once'], $db, $relay->address());
        $check->same(1, $child->wait());
        $check->same(['3', '6', '9'], $relay->taken());
        $check->same([6, 0], [$status($db)['waiting'], $status($db)['failed']]);
        $relay->behave([]);
        $check->same(0, $outbox(['--once'], $db, $relay->address())->wait(), 'a run that is asked for waits for no backoff');
        $inOrder($check, $relay, 9);
    });

    foreach (['in a batch' => [], 'singly' => ['batch' => 500]] as $how => $state) {
        $suite->test("a conversation whose people the relay cannot learn from PHP's backend holds up no other ($how)", static function (Check $check) use ($setUp, $fill, $outbox, $status, $inOrder, $state): void {
            list($db, $relay) = $setUp();
            $fill($db, 9, 3);
            $relay->behave($state + ['refuse' => ['1' => [502, 'backend_refused'], '2' => [502, 'backend_unavailable']]]);
            $child = $outbox(['--once'], $db, $relay->address());
            $check->same(1, $child->wait());
            $check->same(['3', '6', '9'], $relay->taken());
            $check->same([6, 0, 'backend_unavailable: as told'], [$status($db)['waiting'], $status($db)['failed'], $status($db)['last_error']]);
            $later = 'SELECT COUNT(*) FROM relay_outbox WHERE attempts > 0 AND not_before > created_at + INTERVAL 1 SECOND';
            $check->same(2, (int) $db->pdo()->query($later)->fetchColumn(), 'they back off, and what is behind them is not tried');
            $relay->behave([]);
            $check->same(0, $outbox(['--once'], $db, $relay->address())->wait());
            $inOrder($check, $relay, 9);
        });
    }

    $suite->test("what waits for PHP's backend is not given up, and goes by itself once it is back", static function (Check $check) use ($setUp, $fill, $outbox, $status, $inOrder): void {
        list($db, $relay) = $setUp();
        $fill($db, 6, 3);
        $db->pdo()->exec('UPDATE relay_outbox SET attempts = 5000 WHERE seq = 1');
        $relay->behave(['refuse' => ['1' => [502, 'backend_unavailable'], '2' => [502, 'backend_unavailable']]]);
        $child = $outbox(['--watch'], $db, $relay->address());
        $isTried = static function () use ($relay): bool {
            return count(array_keys(array_column($relay->log(), 'id'), '2')) >= 2;
        };
        $check->eventually($isTried, 'it is tried again');
        $check->same(['3', '6'], $relay->taken());
        $check->same([4, 0], [$status($db)['waiting'], $status($db)['failed']]);
        $left = 'SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), not_before) FROM relay_outbox WHERE seq = 1';
        $seconds = (int) $db->pdo()->query($left)->fetchColumn();
        $check->true($seconds > 30 && $seconds <= 60, "within a minute: $seconds s");
        $db->pdo()->exec('UPDATE relay_outbox SET not_before = UTC_TIMESTAMP(3) WHERE seq = 1');
        $relay->behave([]);
        $check->eventually(static function () use ($relay): bool {
            return count($relay->taken()) === 6;
        }, 'all are sent');
        $inOrder($check, $relay, 6);
        $child->kill(SIGTERM);
        $check->same(0, $child->wait());
    });

    $suite->test('a row that failed alone too often is parked', static function (Check $check) use ($setUp, $fill, $outbox, $status): void {
        list($db, $relay) = $setUp();
        $fill($db, 2, 1);
        $db->pdo()->exec('UPDATE relay_outbox SET attempts = 19');
        $relay->behave(['refuse' => ['1' => [500, 'internal']]]);
        $outbox(['--once'], $db, $relay->address())->wait();
        $check->same(['2'], $relay->taken());
        $check->same(1, $status($db)['failed']);
    });

    $suite->test('a rate limit slows a drain and does not stop it', static function (Check $check) use ($setUp, $fill, $outbox, $inOrder): void {
        list($db, $relay) = $setUp();
        $fill($db, 40, 20);
        $relay->behave(['limit' => 3]);
        $child = $outbox(['--once'], $db, $relay->address());
        $check->same(0, $child->wait(), $child->err());
        $inOrder($check, $relay, 40);
    });

    $suite->test('a relay too slow for large batches is given small ones until nothing is left', static function (Check $check) use ($setUp, $fill): void {
        list($db) = $setUp();
        $fill($db, 120, 120);
        $relay = new class implements RelayClient {
            public $sizes = [];

            public function notify(Notification $notification, string $requestId = ''): Outcome
            {
                return $this->batch([$notification])[0];
            }

            public function batch(array $notifications, string $requestId = ''): array
            {
                $this->sizes[] = $size = count($notifications);
                $outcome = $size > 20 ? new Outcome(0, ['error' => ['code' => 'timeout', 'message' => '']]) : new Outcome(200, ['delivered' => []]);
                return array_fill(0, $size, $outcome);
            }

            public function disconnect($user, string $reason = 'logged_out', string $requestId = ''): Outcome
            {
                return new Outcome(200, ['closed' => 0]);
            }
        };
        $outbox = new OutboxConnection($db->pdo(), 'relay_outbox');
        $drain = new OutboxDrain($outbox->table(), $relay, static function (): void {
        }, static function (): bool {
            return false;
        });
        $check->same(120, $drain->once());
        $check->same(0, $outbox->upkeep()->status()['waiting']);
        $check->same([50, 1, 2, 4, 8, 16, 25, 1, 2, 4, 8, 12, 12, 12, 12, 12, 12, 2], $relay->sizes, 'what was too much is not tried again');
    });

    $suite->test('--watch waits for the relay, sends what comes, and ends on SIGTERM', static function (Check $check) use ($setUp, $fill, $outbox, $inOrder): void {
        list($db, $relay) = $setUp();
        $relay->behave(['down' => ['status' => 503, 'code' => 'draining', 'retry_after' => 1]]);
        $fill($db, 4, 2);
        $child = $outbox(['--watch'], $db, $relay->address());
        $check->eventually(static function () use ($child): bool {
            return strpos($child->err(), 'draining') !== false;
        }, 'it tells of the relay');
        $relay->behave([]);
        $check->eventually(static function () use ($relay): bool {
            return count($relay->taken()) === 4;
        }, 'it sends');
        $box = new Outbox($db->pdo(), new RecordingRelayClient());
        $box->add(new Notification(['id' => 5, 'conversation_id' => 1], [17]));
        $check->eventually(static function () use ($relay): bool {
            return count($relay->taken()) === 5;
        }, 'it sends what came later');
        $inOrder($check, $relay, 5);
        $child->kill(SIGTERM);
        $check->same(0, $child->wait());
        $check->contains('takes messages again', $child->err());
    });

    $suite->test('--watch outlives its database connection', static function (Check $check) use ($setUp, $fill, $outbox, $inOrder): void {
        list($db, $relay) = $setUp();
        $fill($db, 2, 1);
        $child = $outbox(['--watch'], $db, $relay->address());
        $check->eventually(static function () use ($relay): bool {
            return count($relay->taken()) === 2;
        }, 'it sends');
        $pdo = $db->pdo();
        $own = (int) $pdo->query('SELECT CONNECTION_ID()')->fetchColumn();
        foreach ($pdo->query('SELECT id FROM information_schema.processlist WHERE db = "relay_bridge_test"')->fetchAll(\PDO::FETCH_COLUMN) as $id) {
            if ((int) $id !== $own) {
                $pdo->exec('KILL ' . (int) $id);
            }
        }
        $box = new Outbox($pdo, new RecordingRelayClient());
        $box->add(new Notification(['id' => 3, 'conversation_id' => 0], [17]));
        $check->eventually(static function () use ($relay): bool {
            return count($relay->taken()) === 3;
        }, 'it sends again');
        $child->kill(SIGTERM);
        $check->same(0, $child->wait());
    });
};
