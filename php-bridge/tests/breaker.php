<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

use RelayBridge\FileBreakerMemory;
use RelayBridge\HttpRelayClient;
use RelayBridge\Notification;
use RelayBridge\SharedBreaker;
use RelayBridge\TokenIssuer;

return static function (Suite $suite): void {
    $suite->test('the breaker opens after three failures, lets one probe after 5 s, and closes on success', static function (Check $check) use ($suite): void {
        $now = 1000.0;
        $folder = $suite->folder();
        $breaker = static function () use ($folder, &$now): SharedBreaker {
            return new SharedBreaker(new FileBreakerMemory('http://relay', $folder), static function () use (&$now): float {
                return $now;
            });
        };
        $breaker()->failed();
        $breaker()->failed();
        $breaker()->succeeded();
        $breaker()->failed();
        $breaker()->failed();
        $check->true(!$breaker()->isOpen(), 'two in a row are not three');
        $breaker()->failed();
        $check->true($breaker()->isOpen(), 'open after the third');
        $now += 4.9;
        $check->true($breaker()->isOpen(), 'still open');
        $now += 0.2;
        $check->true(!$breaker()->isOpen(), 'the first probes');
        $check->true($breaker()->isOpen(), 'the second does not');
        $breaker()->failed();
        $now += 4.9;
        $check->true($breaker()->isOpen(), 'open again after a failed probe');
        $now += 0.2;
        $check->true(!$breaker()->isOpen(), 'another probe');
        $now += 1.1;
        $check->true(!$breaker()->isOpen(), 'a probe that died is followed by the next');
        $breaker()->succeeded();
        $check->true(!$breaker()->isOpen() && !$breaker()->isOpen(), 'closed');
        $breaker()->failed();
        $check->true(!$breaker()->isOpen(), 'counting begins anew');
        $breaker()->failed();
        $breaker()->failed();
        $now -= 500;
        $check->true(!$breaker()->isOpen(), 'a clock that jumps back does not keep it open');
    });

    $suite->test('the breaker opens also where the locale writes a comma into numbers', static function (Check $check) use ($suite): void {
        $folder = $suite->folder();
        file_put_contents("$folder/ascii", "CHARMAP\n<U0000>..<U007F> \\x00\nEND CHARMAP\n");
        file_put_contents("$folder/source", "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \"\"\ngrouping -1\nEND LC_NUMERIC\n");
        // By force, since it has nothing but numbers.
        (new Child(['localedef', '--force', '-f', "$folder/ascii", '-i', "$folder/source", "$folder/comma"]))->wait();
        $child = new Child([PHP_BINARY, __DIR__ . '/support/breaker-under-locale.php', $folder, 'comma', 'de_DE.UTF-8'], ['LOCPATH' => $folder]);
        $check->same(0, $child->wait(), $child->err());
        if ($child->out() === '1.5 open') {
            throw new Skipped('no locale with a comma is here, nor localedef to make one');
        }
        $check->same('1,5 open', $child->out());
    });

    $suite->test('a folder that somebody else prepared is not used', static function (Check $check) use ($suite): void {
        $folder = $suite->folder();
        mkdir("$folder/theirs");
        symlink("$folder/theirs", "$folder/relay-bridge-" . posix_geteuid());
        $breaker = new SharedBreaker(new FileBreakerMemory('http://relay', $folder));
        array_map([$breaker, 'failed'], [1, 2, 3]);
        $check->same(['.', '..'], scandir("$folder/theirs"));
        $check->true($breaker->isOpen(), 'it works within the request');
    });

    $suite->test('a folder that others can write, and a link in the place of the file, are not used', static function (Check $check) use ($suite): void {
        $own = 'relay-bridge-' . posix_geteuid();
        $open = $suite->folder();
        mkdir("$open/$own");
        chmod("$open/$own", 0777);
        $linked = $suite->folder();
        mkdir("$linked/$own", 0700);
        file_put_contents("$linked/theirs", 'precious');
        symlink("$linked/theirs", "$linked/$own/" . hash('sha256', 'http://relay') . '.json');
        foreach ([$open, $linked] as $folder) {
            $breaker = new SharedBreaker(new FileBreakerMemory('http://relay', $folder));
            array_map([$breaker, 'failed'], [1, 2, 3]);
            $check->true($breaker->isOpen(), 'it works within the request');
        }
        $check->same(['.', '..'], scandir("$open/$own"));
        $check->same('precious', file_get_contents("$linked/theirs"));
    });

    $suite->test('a temporary folder beyond open_basedir costs neither an exception nor a warning', static function (Check $check): void {
        $bridge = dirname(__DIR__);
        foreach (['', 'set_error_handler(function ($level, $text) { throw new ErrorException($text); });'] as $handler) {
            $code = "$handler require '$bridge/autoload.php'; new RelayBridge\\FileBreakerMemory('http://relay'); echo 'made';";
            $child = new Child([PHP_BINARY, '-d', 'display_errors=1', '-d', "open_basedir=$bridge", '-r', $code]);
            $check->same(0, $child->wait(), $child->out() . $child->err());
            $check->same('made', $child->out());
        }
    });

    $suite->test('a relay that answers for a backend that is away leaves the breaker closed', static function (Check $check) use ($suite): void {
        $secret = 'a secret of more than 32 bytes, for tests';
        $relay = new FakeRelay($secret);
        $suite->after([$relay, 'stop']);
        $relay->behave(['refuse' => ['1' => [502, 'backend_unavailable']]]);
        $breaker = new SharedBreaker(new FileBreakerMemory($relay->address(), $suite->folder()));
        $client = new HttpRelayClient($relay->address(), new TokenIssuer($secret), 250, $breaker);
        foreach ([1, 2, 3] as $ignored) {
            $check->same('backend_unavailable', $client->notify(new Notification(['id' => 1, 'conversation_id' => 5]))->code());
        }
        $check->true($client->notify(new Notification(['id' => 2], [17]))->isAccepted(), 'the next is sent');
    });

    $suite->test('processes share the breaker: three lose the timeout, the next loses nothing', static function (Check $check) use ($suite): void {
        $hole = stream_socket_server('tcp://127.0.0.1:0');
        $url = 'http://' . stream_socket_get_name($hole, false);
        $notify = static function () use ($suite, $url, &$folder): array {
            $child = new Child([PHP_BINARY, __DIR__ . '/support/notify-once.php', $url], ['TMPDIR' => $folder]);
            $child->wait();
            return json_decode($child->out(), true);
        };
        $folder = $suite->folder();
        for ($i = 0; $i < 3; $i++) {
            $result = $notify();
            $check->same('timeout', $result['code']);
            $check->true($result['ms'] <= 350, "took {$result['ms']} ms");
        }
        $result = $notify();
        $check->same('breaker_open', $result['code']);
        $check->true($result['ms'] < 30, "took {$result['ms']} ms");
        fclose($hole);
    });
};
