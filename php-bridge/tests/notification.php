<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

use RelayBridge\InvalidNotification;
use RelayBridge\Notification;
use RelayBridge\NotifyFailed;
use RelayBridge\Outcome;
use RelayBridge\RecordingRelayClient;
use RelayBridge\RelayBridgeException;
use RelayBridge\UnencodableMessage;

return static function (Suite $suite): void {
    $suite->test('a notification has the contract\'s body', static function (Check $check): void {
        $n = (new Notification(['id' => 981, 'conversation_id' => 5, 'content' => 'hi'], [17, '42']))->withSender(3);
        $check->same('{"id":"981","event":"receive_message","recipients":["17","42"],"conversation_id":"5","sender":"3","message":{"id":981,"conversation_id":5,"content":"hi"}}', $n->json());
        $check->same('{"id":"9","event":"receive_message","conversation_id":"5","message":{"id":9,"conversation_id":5}}', (new Notification(['id' => 9, 'conversation_id' => 5]))->json());
        $signal = (new Notification([], []))->withConversation(5)->withEvent('user_typing')->withId('t1')->asSignal();
        $check->same('{"id":"t1","event":"user_typing","conversation_id":"5","durable":false,"message":{}}', $signal->json());
    });

    $suite->test('what the relay would read from the message goes as strings beside it, and the message as it came', static function (Check $check): void {
        $message = ['id' => PHP_INT_MAX, 'conversation_id' => 9007199254740995, 'sender_id' => 9007199254740993, 'client_id' => 9007199254740997];
        $numbers = '{"id":9223372036854775807,"conversation_id":9007199254740995,"sender_id":9007199254740993,"client_id":9007199254740997}';
        $strings = '"conversation_id":"9007199254740995","sender":"9007199254740993","client_id":"9007199254740997"';
        $check->same('{"id":"9223372036854775807","event":"receive_message","recipients":["17"],' . $strings . ',"message":' . $numbers . '}', (new Notification($message, [17]))->json());
        $check->same('{"id":"9223372036854775807","event":"receive_message",' . $strings . ',"message":' . $numbers . '}', (new Notification($message))->json());
        $named = json_decode((new Notification($message, [17]))->withSender(3)->withConversation('5')->json(), true);
        $check->same(['3', '5'], [$named['sender'], $named['conversation_id']], 'what was set goes before the message');
        foreach ([null, '', true, 5.5, [], str_repeat('x', 129)] as $odd) {
            $body = json_decode((new Notification(['id' => 1, 'conversation_id' => $odd, 'conversationId' => 6, 'sender_id' => $odd], [17]))->json(), true);
            $check->same(['id', 'event', 'recipients', 'message'], array_keys($body), 'no id: left for the relay to judge');
        }
    });

    $suite->test('a message without an id gets one that stays', static function (Check $check): void {
        $n = new Notification(['content' => 'hi'], [17]);
        $check->true(strlen($n->id()) === 32 && $n->withSender(3)->id() === $n->id(), 'one id for all copies');
        $check->true($n->id() !== (new Notification(['content' => 'hi'], [17]))->id(), 'another message, another id');
    });

    $suite->test('with…() leaves the original as it was', static function (Check $check): void {
        $n = new Notification(['id' => 1], [17]);
        $n->withEvent('other');
        $check->same('receive_message', $n->event());
    });

    $suite->test('text that is not UTF-8 is reported with its field', static function (Check $check): void {
        $e = $check->throws(UnencodableMessage::class, static function (): void {
            (new Notification(['id' => 1, 'author' => ['name' => "M\xfcller"]], [17]))->json();
        });
        $check->same('message.author.name', $e->field());
        $check->contains('UTF-8', $e->getMessage());
        $e = $check->throws(UnencodableMessage::class, static function (): void {
            (new Notification(['id' => 1, 'rate' => NAN], [17]))->json();
        });
        $check->same('message.rate', $e->field());
        $check->throws(UnencodableMessage::class, static function (): void {
            (new Notification(['id' => 1, "\xff" => 1], [17]))->json();
        });
    });

    $suite->test('nobody to tell, bad ids and too many are refused with the field', static function (Check $check): void {
        $bad = [
            'recipients' => static function (): void {
                (new Notification(['id' => 1], []))->json();
            },
            'recipients: an integer or a string' => static function (): void {
                new Notification(['id' => 1], [[17]]);
            },
            '10,000' => static function (): void {
                new Notification(['id' => 1], range(1, 10001));
            },
            'sender' => static function (): void {
                (new Notification(['id' => 1], [17]))->withSender('');
            },
            'event' => static function (): void {
                (new Notification(['id' => 1], [17]))->withEvent('');
            },
        ];
        foreach ($bad as $part => $make) {
            $check->contains((string) $part, $check->throws(InvalidNotification::class, $make)->getMessage());
        }
    });

    $suite->test('an outcome tells what may be tried again', static function (Check $check): void {
        $failure = static function (int $status, string $code = ''): Outcome {
            return new Outcome($status, $code === '' ? [] : ['error' => ['code' => $code, 'message' => 'm']], 2);
        };
        foreach ([[503, 'draining'], [503, 'store_unavailable'], [429, 'rate_limited'], [401, 'token_expired'], [500, 'internal'], [0, 'timeout'], [404, ''], [400, ''], [502, '']] as $case) {
            $check->true($failure(...$case)->isRetryable(), "$case[0] $case[1] may be tried again");
        }
        foreach ([[400, 'invalid_body'], [400, 'invalid_json'], [400, 'unknown_conversation'], [413, 'payload_too_large'], [413, ''], [0, 'unencodable']] as $case) {
            $check->true(!$failure(...$case)->isRetryable(), "$case[0] $case[1] may not");
        }
        $check->same('http_502', $failure(502)->code());
        $check->same(2, $failure(503, 'draining')->retryAfter());
        $e = $check->throws(RelayBridgeException::class, static function () use ($failure): void {
            $failure(503, 'draining')->orThrow();
        });
        $check->true($e instanceof NotifyFailed && $e->outcome()->code() === 'draining', 'the outcome comes with the exception');
    });

    $suite->test('the recording client remembers, and fails as told', static function (Check $check): void {
        $relay = new RecordingRelayClient([new Outcome(503, ['error' => ['code' => 'draining', 'message' => '']], 1)]);
        $n = new Notification(['id' => 1], [17]);
        $check->same('draining', $relay->notify($n)->code());
        $check->same(['17'], $relay->notify($n)->orThrow()->offline());
        $check->same(2, count($relay->batch([$n, $n])));
        $check->same(4, count($relay->notifications()));
        $relay->disconnect(17);
        $check->same(['17'], $relay->disconnected());
    });
};
