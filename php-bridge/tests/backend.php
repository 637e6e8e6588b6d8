<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

use RelayBridge\Backend;
use RelayBridge\InvalidSetting;
use RelayBridge\RequestId;
use RelayBridge\TokenVerifier;

return static function (Suite $suite): void {
    $secret = 'a secret of more than 32 bytes, for tests';
    $now = 1750000000;
    $verifier = new TokenVerifier([$secret, str_repeat('p', 32)], static function () use ($now): int {
        return $now;
    });
    $token = static function (string $body, array $claims = [], ?string $key = null) use ($secret, $now): string {
        $claims += ['aud' => 'relay:backend', 'iat' => $now, 'exp' => $now + 60, 'body' => hash('sha256', $body)];
        $claims = array_filter($claims, static function ($claim): bool {
            return $claim !== null;
        });
        return 'Bearer ' . signedIndependently(json_encode($claims, JSON_UNESCAPED_SLASHES), $key ?? $secret);
    };
    $actions = [
        'identify' => static function (array $session, string $cookie) {
            return $cookie === 'k=1' ? 17 : ($cookie === 'k=0' ? 0 : null);
        },
        'members' => static function ($conversation): ?array {
            return $conversation === 5 ? [3, 17] : ($conversation === 7 ? null : []);
        },
        'event' => [
            'get_messages' => static function ($user, $data): array {
                return ['emit' => [['event' => 'messages_loaded', 'data' => [$user, $data]]], 'ack' => 1];
            },
            'quiet' => static function (): void {
            },
            'broken' => static function (): void {
                throw new \RuntimeException('a secret of the site');
            },
        ],
        'send_message' => static function ($user, $data): array {
            return ($data['content'] ?? '') === '' ? ['error' => 'empty'] : ['message' => ['id' => 9, 'content' => $data['content']], 'recipients' => [17]];
        },
    ];
    $ask = static function (array $request) use ($verifier, $actions, $token): array {
        $body = json_encode($request);
        $answer = (new Backend($verifier, $actions))->answer('POST', $token($body), $body);
        return [$answer->status(), json_decode($answer->json(), true)];
    };

    $suite->test('the backend answers each action as the contract has it', static function (Check $check) use ($ask): void {
        $check->same([200, ['user_id' => 17]], $ask(['action' => 'identify', 'cookie' => 'k=1']));
        $check->same([200, ['user_id' => null]], $ask(['action' => 'identify', 'cookie' => 'k=2']));
        $check->same([200, ['user_id' => null]], $ask(['action' => 'identify', 'cookie' => 'k=0']));
        $check->same([200, ['members' => [3, 17]]], $ask(['action' => 'members', 'conversation_id' => 5]));
        $check->same([200, ['members' => null]], $ask(['action' => 'members', 'conversation_id' => 7]));
        $check->same([200, ['members' => []]], $ask(['action' => 'members', 'conversation_id' => '6']));
        $check->same(
            [200, ['emit' => [['event' => 'messages_loaded', 'data' => ['17', ['conversation_id' => 5]]]], 'ack' => 1]],
            $ask(['action' => 'event', 'event' => 'get_messages', 'user_id' => '17', 'data' => ['conversation_id' => 5]])
        );
        $check->same([200, ['emit' => []]], $ask(['action' => 'event', 'event' => 'quiet', 'user_id' => 17, 'data' => null]));
        $check->same([200, ['message' => ['id' => 9, 'content' => 'hi'], 'recipients' => [17]]], $ask(['action' => 'send_message', 'user_id' => 3, 'data' => ['content' => 'hi']]));
        $check->same([200, ['error' => 'empty']], $ask(['action' => 'send_message', 'user_id' => 3, 'data' => []]));
    });

    $suite->test('one callable may take all events', static function (Check $check) use ($verifier, $token): void {
        $backend = new Backend($verifier, ['event' => static function (string $event, $user, $data): array {
            return ['ack' => "$event $user $data"];
        }]);
        $body = '{"action":"event","event":"getUnreadCount","user_id":17,"data":17}';
        $check->same('{"ack":"getUnreadCount 17 17","emit":[]}', $backend->answer('POST', $token($body), $body)->json());
    });

    $suite->test('a token that is not the relay\'s for this body is refused', static function (Check $check) use ($verifier, $actions, $token, $now): void {
        $body = '{"action":"identify","cookie":"k=1"}';
        $backend = new Backend($verifier, $actions);
        $code = static function (string $authorization) use ($backend, $body): string {
            $answer = $backend->answer('POST', $authorization, $body);
            return $answer->status() . ' ' . ($answer->body()['error']['code'] ?? '');
        };
        $good = $token($body);
        $check->same('200 ', $code($good));
        $check->same('200 ', $code($token($body, [], str_repeat('p', 32))), 'the previous secret');
        $check->same('401 token_missing', $code(''));
        foreach (['x', 'Basic abc', 'Bearer a.b.c', 'Bearer ' . substr($good, 7, -1), $good . 'x', substr($good, 0, 40) . 'x' . substr($good, 41)] as $broken) {
            $check->same('401 token_invalid', $code($broken), $broken);
        }
        $check->same('401 token_invalid', $code($token($body, [], str_repeat('q', 32))));
        foreach (['relay:client', 'relay:internal', null, ['relay:backend']] as $aud) {
            $check->same('401 token_invalid', $code($token($body, ['aud' => $aud])), 'aud ' . json_encode($aud));
        }
        foreach ([['iat' => null], ['exp' => null], ['exp' => 'soon'], ['exp' => $now + 301], ['iat' => $now + 31, 'exp' => $now + 90]] as $claims) {
            $check->same('401 token_invalid', $code($token($body, $claims)), json_encode($claims));
        }
        $check->same('401 token_expired', $code($token($body, ['iat' => $now - 90, 'exp' => $now - 30])));
        $check->same('200 ', $code($token($body, ['iat' => $now - 90, 'exp' => $now - 29])), 'within the leeway');
        $check->same('200 ', $code($token($body, ['iat' => $now + 30])), 'within the leeway');
        $check->same('401 body_mismatch', $code($token($body . ' ')));
        $check->same('401 body_mismatch', $code($token($body, ['body' => null])));
        $none = 'Bearer ' . implode('.', array_map(static function (string $part): string {
            return rtrim(strtr(base64_encode($part), '+/', '-_'), '=');
        }, ['{"alg":"none"}', json_encode(['aud' => 'relay:backend', 'iat' => $now, 'exp' => $now + 60, 'body' => hash('sha256', $body)])]));
        $check->same('401 token_invalid', $code("$none."));
        $check->same('401 token_invalid', $code("$none.x"));
    });

    $suite->test('bad requests get a status, a code and the field', static function (Check $check) use ($verifier, $actions, $token): void {
        $backend = new Backend($verifier, $actions);
        $cases = [
            ['GET', '{}', 405, 'method_not_allowed', 'POST'],
            ['POST', '{', 400, 'invalid_json', ''],
            ['POST', '', 400, 'invalid_json', ''],
            ['POST', '[]', 400, 'invalid_body', 'action'],
            ['POST', 'null', 400, 'invalid_body', 'action'],
            ['POST', '{"action":["identify"]}', 400, 'invalid_body', 'action'],
            ['POST', '{"action":"drop"}', 404, 'unknown_action', ''],
            ['POST', '{"action":"identify"}', 400, 'invalid_body', 'cookie'],
            ['POST', '{"action":"members"}', 400, 'invalid_body', 'conversation_id'],
            ['POST', '{"action":"members","conversation_id":[5]}', 400, 'invalid_body', 'conversation_id'],
            ['POST', '{"action":"event","user_id":1}', 400, 'invalid_body', 'event'],
            ['POST', '{"action":"event","event":"get_messages"}', 400, 'invalid_body', 'user_id'],
            ['POST', '{"action":"event","event":"nobody_knows","user_id":1}', 404, 'unknown_event', ''],
            ['POST', '{"action":"send_message","user_id":""}', 400, 'invalid_body', 'user_id'],
            ['POST', str_repeat(' ', 1048577), 413, 'payload_too_large', ''],
        ];
        foreach ($cases as list($method, $body, $status, $code, $field)) {
            $answer = $backend->answer($method, $token($body), $body);
            $error = $answer->body()['error'];
            $check->same([$status, $code], [$answer->status(), $error['code']], substr($body, 0, 80));
            $check->contains($field, $error['message'] . ' ');
        }
        $body = '{"action":"members","conversation_id":5}';
        $check->same(404, (new Backend($verifier, []))->answer('POST', $token($body), $body)->status());
    });

    $suite->test('what the site throws stays in the log', static function (Check $check) use ($suite, $ask, $verifier, $token): void {
        $log = $suite->folder() . '/log';
        $before = ini_set('error_log', $log);
        list($status, $body) = $ask(['action' => 'event', 'event' => 'broken', 'user_id' => 1]);
        $answers = [
            'identify' => ['action' => 'identify', 'cookie' => ''], 'members' => ['action' => 'members', 'conversation_id' => 1],
            'event' => ['action' => 'event', 'event' => 'x', 'user_id' => 1], 'send_message' => ['action' => 'send_message', 'user_id' => 1],
        ];
        foreach ($answers as $action => $request) {
            $wrong = json_encode($request);
            $backend = new Backend($verifier, [$action => static function (): bool {
                return true;
            }]);
            $check->same(500, $backend->answer('POST', $token($wrong), $wrong)->status(), $action);
        }
        ini_set('error_log', $before);
        $check->same(500, $status);
        $check->true(strpos(json_encode($body), 'secret') === false, 'not over the wire');
        $check->contains('a secret of the site', file_get_contents($log));
    });

    $suite->test('an answer that is no JSON is a 500, and told in the log', static function (Check $check) use ($suite, $verifier, $token): void {
        $log = $suite->folder() . '/log';
        $before = ini_set('error_log', $log);
        $throws = new class implements \JsonSerializable {
            #[\ReturnTypeWillChange]
            public function jsonSerialize()
            {
                throw new \RuntimeException('not for JSON');
            }
        };
        $body = '{"action":"send_message","user_id":1}';
        $statuses = [];
        foreach ([NAN, $throws] as $value) {
            $backend = new Backend($verifier, ['send_message' => static function () use ($value): array {
                return ['message' => ['id' => 9, 'price' => $value], 'recipients' => [17]];
            }]);
            $answer = $backend->answer('POST', $token($body), $body);
            $statuses[] = [$answer->status(), json_decode($answer->json(), true)['error']['code'] ?? ''];
        }
        ini_set('error_log', $before);
        $check->same([[500, 'internal'], [500, 'internal']], $statuses);
        $check->contains('the answer is no JSON: Inf and NaN', file_get_contents($log));
        $check->contains('not for JSON', file_get_contents($log));
    });

    $suite->test('the relay\'s id of a call is there for the callable, for its own calls of the relay, and in the log', static function (Check $check) use ($suite, $verifier, $token): void {
        $log = $suite->folder() . '/log';
        $logBefore = ini_set('error_log', $log);
        $before = $_SERVER;
        $_SERVER['HTTP_X_REQUEST_ID'] = 'call-9';
        try {
            $seen = [];
            $backend = new Backend($verifier, ['event' => static function () use (&$seen): void {
                $seen = [$_SERVER['HTTP_X_REQUEST_ID'], (new RequestId())->of('')];
                throw new \RuntimeException('broken');
            }]);
            $body = '{"action":"event","event":"x","user_id":1}';
            $check->same(500, $backend->answer('POST', $token($body), $body)->status());
        } finally {
            $_SERVER = $before;
            ini_set('error_log', $logBefore);
        }
        $check->same(['call-9', 'call-9'], $seen);
        $check->contains('relay backend: request call-9: RuntimeException: broken', file_get_contents($log));
    });

    $suite->test('old bytes that are not UTF-8 do not hide a history', static function (Check $check) use ($verifier, $token): void {
        $backend = new Backend($verifier, ['event' => static function (): array {
            return ['emit' => [['event' => 'messages_loaded', 'data' => ["M\xfcller"]]]];
        }]);
        $body = '{"action":"event","event":"x","user_id":1}';
        $check->contains('M\ufffdller', $backend->answer('POST', $token($body), $body)->json());
    });

    $suite->test('a verifier without a proper secret is not made', static function (Check $check): void {
        foreach ([[], ['short']] as $secrets) {
            $check->throws(InvalidSetting::class, static function () use ($secrets): void {
                new TokenVerifier($secrets);
            });
        }
    });
};
