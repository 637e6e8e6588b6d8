<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

use RelayBridge\CurlTransport;
use RelayBridge\Endpoint;
use RelayBridge\HttpRelayClient;
use RelayBridge\InvalidSetting;
use RelayBridge\NoBreaker;
use RelayBridge\Notification;
use RelayBridge\StreamTransport;
use RelayBridge\TokenIssuer;
use RelayBridge\TransportFailed;

return static function (Suite $suite): void {
    $secret = 'a secret of more than 32 bytes, for tests';
    $client = static function (string $url) use ($secret): HttpRelayClient {
        return new HttpRelayClient($url, new TokenIssuer($secret), 250, new NoBreaker());
    };
    $relay = static function (string $socket = '') use ($suite, $secret): FakeRelay {
        $relay = new FakeRelay($secret, $socket);
        $suite->after([$relay, 'stop']);
        return $relay;
    };
    $timed = static function (callable $call): array {
        $start = microtime(true);
        return [$call(), (microtime(true) - $start) * 1000];
    };

    foreach (['TCP', 'a Unix socket'] as $over) {
        $suite->test("notify, batch and disconnect go over $over", static function (Check $check) use ($suite, $relay, $client, $over): void {
            $fake = $relay($over === 'TCP' ? '' : $suite->folder() . '/relay.sock');
            $relayClient = $client($fake->address());
            $outcome = $relayClient->notify(new Notification(['id' => 1, 'content' => 'häßlich 😀 ' . str_repeat('x', 5000)], [17, 42]), 'req-1');
            $check->true($outcome->isAccepted(), $outcome->code() . $outcome->message());
            $check->same(['17', '42'], $outcome->offline());
            $check->same('', $outcome->code());
            $check->true($relayClient->notify(new Notification(['id' => 1], [17]))->isDuplicate(), 'a repeat is known');
            $fake->behave(['refuse' => ['3' => [400, 'invalid_body']]]);
            $bad = new Notification(['id' => 4, 'content' => "\xff"], [17]);
            $outcomes = $relayClient->batch([new Notification(['id' => 2], [17]), $bad, new Notification(['id' => 3], [17]), new Notification(['id' => 5], [17])]);
            $codes = array_map(static function ($outcome): string {
                return $outcome->code();
            }, $outcomes);
            $check->same(['', 'unencodable', 'invalid_body', ''], $codes);
            $check->same(1, $relayClient->disconnect(17)->answer()['closed']);
            $log = $fake->log();
            $check->same('req-1', $log[0]['request_id']);
            $check->contains('häßlich 😀', $log[0]['notification']['message']['content']);
        });
    }

    $suite->test('a request id that would break the header is replaced', static function (Check $check) use ($relay, $client): void {
        $fake = $relay();
        $check->true($client($fake->address())->notify(new Notification(['id' => 1], [17]), "a\r\nX-Evil: 1")->isAccepted(), 'sent');
        $check->true(preg_match('/^[0-9a-f]{32}$/', $fake->log()[0]['request_id']) === 1, $fake->log()[0]['request_id']);
    });

    $suite->test('a call without an id carries that of the present request, else a new one each time', static function (Check $check) use ($relay, $client): void {
        $fake = $relay();
        $relayClient = $client($fake->address());
        $before = $_SERVER;
        try {
            foreach (['page-7', "two words", null, null] as $i => $present) {
                $_SERVER = ['HTTP_X_REQUEST_ID' => $present] + $before;
                $check->true($relayClient->notify(new Notification(['id' => $i + 1], [17]))->isAccepted(), 'sent');
            }
        } finally {
            $_SERVER = $before;
        }
        $ids = array_column($fake->log(), 'request_id');
        $check->same('page-7', $ids[0]);
        foreach (array_slice($ids, 1) as $id) {
            $check->true(preg_match('/^[0-9a-f]{32}$/', $id) === 1, $id);
        }
        $check->same(4, count(array_unique($ids)), 'different ids');
    });

    $suite->test('a black hole costs at most 350 ms', static function (Check $check) use ($client, $timed): void {
        $hole = stream_socket_server('tcp://127.0.0.1:0');
        list($outcome, $ms) = $timed(static function () use ($client, $hole) {
            return $client('http://' . stream_socket_get_name($hole, false))->notify(new Notification(['id' => 1], [17]));
        });
        $check->same('timeout', $outcome->code());
        $check->true($outcome->isRetryable() && $ms <= 350, "took $ms ms");
        fclose($hole);
    });

    $suite->test('a refused port and a missing socket are told at once', static function (Check $check) use ($client, $timed): void {
        $server = stream_socket_server('tcp://127.0.0.1:0');
        $name = stream_socket_get_name($server, false);
        fclose($server);
        foreach (["http://$name", 'unix:/nonexistent/relay.sock'] as $url) {
            list($outcome, $ms) = $timed(static function () use ($client, $url) {
                return $client($url)->notify(new Notification(['id' => 1], [17]));
            });
            $check->same('unreachable', $outcome->code());
            $check->contains($url, $outcome->message());
            $check->true($ms < 200, "took $ms ms");
        }
    });

    foreach (['curl' => [], 'streams, without curl' => ['-d', 'disable_functions=curl_init']] as $name => $without) {
        $suite->test("a certificate that nobody vouches for is refused, a trusted one is not ($name)", static function (Check $check) use ($suite, $secret, $without): void {
            $folder = $suite->folder();
            $make = new Child([
                'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=relay',
                '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', "$folder/key", '-out', "$folder/cert",
            ]);
            $check->same(0, $make->wait(), $make->err());
            file_put_contents("$folder/pem", file_get_contents("$folder/cert") . file_get_contents("$folder/key"));
            $fake = new FakeRelay($secret, '', "$folder/pem");
            $suite->after([$fake, 'stop']);
            $notify = static function (array $options) use ($fake, $folder, $without): array {
                $child = new Child(array_merge([PHP_BINARY], $without, $options, [__DIR__ . '/support/notify-once.php', $fake->address(), '10000']), ['TMPDIR' => $folder]);
                $child->wait();
                return json_decode($child->out(), true);
            };
            $check->true(in_array($notify([])['code'], ['tls_failed', 'unreachable'], true), 'refused');
            $check->same([], $fake->log());
            $check->same('', $notify(['-d', "curl.cainfo=$folder/cert", '-d', "openssl.cafile=$folder/cert"])['code']);
            $check->same(1, count($fake->log()));
        });
    }

    $suite->test('503, 429 and 401 come back with their reason', static function (Check $check) use ($relay, $client, $secret): void {
        $fake = $relay();
        $fake->behave(['down' => ['status' => 503, 'code' => 'draining', 'retry_after' => 7]]);
        $outcome = $client($fake->address())->notify(new Notification(['id' => 1], [17]));
        $check->same([503, 'draining', 7, true], [$outcome->status(), $outcome->code(), $outcome->retryAfter(), $outcome->isRetryable()]);
        $outcomes = $client($fake->address())->batch([new Notification(['id' => 1], [17]), new Notification(['id' => 2], [17])]);
        $check->same([2, 'draining'], [count($outcomes), $outcomes[1]->code()]);
        $fake->behave([]);
        $stranger = new HttpRelayClient($fake->address(), new TokenIssuer(strrev($secret)), 250, new NoBreaker());
        $check->same([401, 'token_invalid'], [$stranger->notify(new Notification(['id' => 1], [17]))->status(), $stranger->notify(new Notification(['id' => 1], [17]))->code()]);
    });

    $suite->test('a 200 of something that is no relay is no success', static function (Check $check) use ($relay, $client): void {
        $fake = $relay();
        foreach (['<html>', '{"status":"ok"}', '"x"', ''] as $raw) {
            $fake->behave(['raw' => $raw]);
            $outcome = $client($fake->address())->notify(new Notification(['id' => 1], [17]));
            $check->same(['bad_answer', true, false], [$outcome->code(), $outcome->isRetryable(), $outcome->isAccepted()]);
        }
        $fake->behave(['raw' => '{"results":[{"id":"1","delivered":[],"offline":[]}]}']);
        $outcomes = $client($fake->address())->batch([new Notification(['id' => 1], [17]), new Notification(['id' => 2], [17])]);
        $check->same(['', 'bad_answer'], [$outcomes[0]->code(), $outcomes[1]->code()]);
    });

    $suite->test('a site\'s throwing error handler does not reach the page', static function (Check $check) use ($client): void {
        // This file runs under such a handler: see run.php.
        $check->same('unreachable', $client('http://127.0.0.1:1')->notify(new Notification(['id' => 1], [17]))->code());
        $check->same('unencodable', $client('http://127.0.0.1:1')->notify(new Notification(['id' => 1, 'content' => "\xff"], [17]))->code());
        $check->same('invalid_notification', $client('http://127.0.0.1:1')->notify(new Notification(['id' => 1], []))->code());
    });

    $suite->test('a wrong address names the setting', static function (Check $check) use ($client): void {
        foreach (['', 'localhost:3001', 'ftp://x', 'unix:relative', 'http://'] as $url) {
            $check->contains('RELAY_INTERNAL_URL', $check->throws(InvalidSetting::class, static function () use ($client, $url): void {
                $client($url);
            })->getMessage());
        }
    });

    foreach ([CurlTransport::class, StreamTransport::class] as $class) {
        $name = substr(strrchr($class, '\\'), 1);
        $suite->test("$name keeps its time limit and reads whole answers", static function (Check $check) use ($suite, $relay, $class, $timed, $secret): void {
            foreach (['', $suite->folder() . '/relay.sock'] as $socket) {
                $fake = $relay($socket);
                $transport = new $class(new Endpoint($fake->address()), 250);
                $body = (new Notification(['id' => 1, 'content' => str_repeat('long ', 40000)], range(1, 5000)))->json();
                $headers = ['Content-Type: application/json', 'Authorization: Bearer ' . (new TokenIssuer($secret))->internal($body)];
                $answer = $transport->post('/notify', $body, $headers);
                $check->same([200, 5000], [$answer->status(), count(json_decode($answer->body(), true)['offline'])]);
                $fake->behave(['down' => ['status' => 503, 'code' => 'draining', 'retry_after' => 3]]);
                $answer = $transport->post('/notify', $body, $headers);
                $check->same([503, 3], [$answer->status(), $answer->retryAfter()]);
            }
            $hole = stream_socket_server('tcp://127.0.0.1:0');
            $url = 'http://' . stream_socket_get_name($hole, false);
            list($e, $ms) = $timed(static function () use ($check, $class, $url) {
                return $check->throws(TransportFailed::class, static function () use ($class, $url): void {
                    (new $class(new Endpoint($url), 250))->post('/notify', str_repeat('x', 10000000), []);
                });
            });
            $check->same('timeout', $e->reason());
            $check->true($ms <= 350, "took $ms ms");
            fclose($hole);
            $check->same('unreachable', $check->throws(TransportFailed::class, static function () use ($class, $url): void {
                (new $class(new Endpoint($url), 250))->post('/notify', '', []);
            })->reason());
        });
    }
};
