<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

use RelayBridge\Notification;
use RelayBridge\Outbox;
use RelayBridge\RecordingRelayClient;

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
    $start = static function (array $command, MariaDb $db, string $url) use ($suite, $secret): Child {
        $environment = ['RELAY_INTERNAL_URL' => $url, 'RELAY_SECRET' => $secret, 'RELAY_SECRET_FILE' => ''] + $db->environment();
        $child = new Child(array_merge([PHP_BINARY], $command), $environment);
        $suite->after([$child, 'kill']);
        return $child;
    };
    $page = __DIR__ . '/support/page.php';
    $bin = __DIR__ . '/../bin/outbox';

    $suite->test('a page sends by itself once its response is done', static function (Check $check) use ($setUp, $start, $page): void {
        list($db, $relay) = $setUp();
        $child = $start([$page, $relay->address(), '1', '5', ''], $db, '');
        $check->same(0, $child->wait(), $child->err());
        $check->same(['1'], $relay->taken());
        $check->same(0, (new Outbox($db->pdo(), new RecordingRelayClient()))->status()['waiting']);
    });

    $suite->test('a page whose session cannot be written sends all the same', static function (Check $check) use ($setUp, $start, $page): void {
        list($db, $relay) = $setUp();
        $child = $start(['-d', 'log_errors=1', '-d', 'error_log=', $page, $relay->address(), '1', '5', 'session'], $db, '');
        $check->same(0, $child->wait(), $child->err());
        $check->contains('the disk is full', $child->err());
        $check->same(['1'], $relay->taken());
    });

    $suite->test('kill -9 of PHP between commit and notify loses nothing', static function (Check $check) use ($setUp, $start, $page, $bin): void {
        list($db, $relay) = $setUp();
        $child = $start([$page, $relay->address(), '1', '5', 'commit'], $db, '');
        $child->waitFor('committed');
        $child->kill(SIGKILL);
        $check->same([], $relay->taken());
        $drain = $start([$bin, '--once'], $db, $relay->address());
        $check->same(0, $drain->wait(), $drain->err());
        $check->same(['1'], $relay->taken());
    });

    $suite->test('kill -9 of PHP within the call to the relay loses nothing', static function (Check $check) use ($setUp, $start, $page, $bin): void {
        list($db, $relay) = $setUp();
        $hole = stream_socket_server('tcp://127.0.0.1:0');
        $child = $start([$page, 'http://' . stream_socket_get_name($hole, false), '1', '5', 'claim'], $db, '');
        $connection = stream_socket_accept($hole, 20);
        $check->contains('POST /notify', (string) fgets($connection));
        $child->kill(SIGKILL);
        $drain = $start([$bin, '--once'], $db, $relay->address());
        $check->same(0, $drain->wait(), $drain->err());
        $check->same(['1'], $relay->taken());
        fclose($hole);
    });

    $suite->test('kill -9 of a drain is made good by the next one, in order', static function (Check $check) use ($setUp, $start, $bin): void {
        list($db, $relay) = $setUp();
        $pdo = $db->pdo();
        $box = new Outbox($pdo, new RecordingRelayClient());
        $pdo->beginTransaction();
        for ($id = 1; $id <= 60; $id++) {
            $box->add(new Notification(['id' => $id, 'conversation_id' => $id % 3], [17]));
        }
        $pdo->commit();
        $relay->behave(['delay_ms' => 10]);
        $drain = $start([$bin, '--once'], $db, $relay->address());
        $check->eventually(static function () use ($relay): bool {
            return count($relay->taken()) >= 12;
        }, 'the drain is at work');
        $drain->kill(SIGKILL);
        $before = count($relay->taken());
        $check->true($before < 60, 'killed midway');
        $relay->behave([]);
        $begun = microtime(true);
        $next = $start([$bin, '--once'], $db, $relay->address());
        $check->same(0, $next->wait(), $next->err());
        $check->true(microtime(true) - $begun < 15, 'the lease is waited for, not longer');
        $first = array_values(array_unique($relay->taken()));
        $check->same(60, count($first));
        foreach ([0, 1, 2] as $conversation) {
            $of = array_values(array_filter($first, static function (string $id) use ($conversation): bool {
                return (int) $id % 3 === $conversation;
            }));
            $sorted = $of;
            sort($sorted, SORT_NUMERIC);
            $check->same($sorted, $of, "order of conversation $conversation");
        }
        $repeats = count($relay->taken()) - 60;
        $check->true($repeats <= 3, "only what was under way may be repeated: $repeats");
    });
};
