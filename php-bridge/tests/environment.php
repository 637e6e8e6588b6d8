<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

use RelayBridge\Environment;
use RelayBridge\InvalidSetting;

return static function (Suite $suite): void {
    $long = str_repeat('s', 32);
    $suite->test('each missing or wrong setting is named', static function (Check $check) use ($suite, $long): void {
        $cases = [
            'RELAY_SECRET is not set' => ['secret', []],
            'RELAY_SECRET is too short' => ['secret', ['RELAY_SECRET' => 'x']],
            'RELAY_SECRET and RELAY_SECRET_FILE' => ['secret', ['RELAY_SECRET' => $long, 'RELAY_SECRET_FILE' => '/x']],
            'RELAY_SECRET_FILE: cannot read /nonexistent' => ['secret', ['RELAY_SECRET_FILE' => '/nonexistent']],
            'RELAY_INTERNAL_URL is not set' => ['internalUrl', ['RELAY_INTERNAL_URL' => '']],
            'RELAY_PUBLIC_URL is not set' => ['publicUrl', []],
            'SITE_DB_DSN is not set' => ['database', []],
        ];
        foreach ($cases as $text => $case) {
            $check->contains($text, $check->throws(InvalidSetting::class, [new Environment($case[1]), $case[0]])->getMessage());
        }
    });

    $suite->test('the secret may stand in a file, and the previous one verifies too', static function (Check $check) use ($suite, $long): void {
        $file = $suite->folder() . '/secret';
        file_put_contents($file, $long . "\n");
        $check->same($long, (new Environment(['RELAY_SECRET_FILE' => $file]))->secret());
        $check->same([$long, strrev("1$long")], (new Environment(['RELAY_SECRET_FILE' => $file, 'RELAY_PREVIOUS_SECRET' => strrev("1$long")]))->secrets());
        $check->same([$long], (new Environment(['RELAY_SECRET' => $long]))->secrets());
    });

    $suite->test('bin/outbox says what it lacks and how it is called', static function (Check $check): void {
        $bin = __DIR__ . '/../bin/outbox';
        $none = ['RELAY_SECRET' => '', 'RELAY_SECRET_FILE' => '', 'RELAY_INTERNAL_URL' => '', 'SITE_DB_DSN' => ''];
        $run = static function (array $arguments, array $environment) use ($bin): array {
            $child = new Child(array_merge([PHP_BINARY, $bin], $arguments), $environment);
            return [$child->wait(), $child->err()];
        };
        list($status, $err) = $run([], $none);
        $check->same(2, $status);
        $check->contains('usage:', $err);
        list($status, $err) = $run(['--once'], $none);
        $check->same(1, $status);
        $check->contains('RELAY_SECRET', $err);
        list($status, $err) = $run(['--once'], ['RELAY_SECRET' => str_repeat('s', 32)] + $none);
        $check->contains('RELAY_INTERNAL_URL', $err);
        list($status, $err) = $run(['--once'], ['RELAY_SECRET' => str_repeat('s', 32), 'RELAY_INTERNAL_URL' => 'relay:3001'] + $none);
        $check->contains('RELAY_INTERNAL_URL takes', $err);
        list($status, $err) = $run(['--watch'], ['RELAY_SECRET' => str_repeat('s', 32), 'RELAY_INTERNAL_URL' => 'http://r'] + $none);
        $check->same(1, $status);
        $check->contains('SITE_DB_DSN', $err);
        list($status, $err) = $run(['--status'], ['SITE_DB_DSN' => 'mysql:unix_socket=/nonexistent;dbname=x'] + $none);
        $check->same(1, $status);
        $check->contains('SITE_DB_DSN', $err);
    });
};
