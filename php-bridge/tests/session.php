<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

return static function (Suite $suite): void {
    $site = static function (string $strict) use ($suite): array {
        $folder = $suite->folder();
        $probe = stream_socket_server('tcp://127.0.0.1:0');
        $address = stream_socket_get_name($probe, false);
        fclose($probe);
        $server = new Child([
            PHP_BINARY, '-d', "session.save_path=$folder", '-d', "session.use_strict_mode=$strict", '-d', 'session.gc_probability=0',
            '-S', $address, __DIR__ . '/support/session-site.php',
        ]);
        $suite->after([$server, 'kill']);
        (new Check())->eventually(static function () use ($address): bool {
            return @stream_socket_client("tcp://$address") !== false;
        }, 'the site listens');
        return [$address, $folder];
    };
    $post = static function (string $url, string $body, array $headers): array {
        $curl = curl_init($url);
        $got = [];
        curl_setopt_array($curl, [
            CURLOPT_POSTFIELDS => $body, CURLOPT_HTTPHEADER => $headers, CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 10,
            CURLOPT_HEADERFUNCTION => static function ($curl, string $line) use (&$got): int {
                $got[] = strtolower(trim($line));
                return strlen($line);
            },
        ]);
        $answer = curl_exec($curl);
        return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $answer, implode("\n", $got)];
    };
    $identify = static function (string $url, string $cookie) use ($post): array {
        $body = json_encode(['action' => 'identify', 'cookie' => $cookie]);
        $claims = ['aud' => 'relay:backend', 'iat' => time(), 'exp' => time() + 60, 'body' => hash('sha256', $body)];
        $token = signedIndependently(json_encode($claims), 'a secret of more than 32 bytes, for tests');
        return $post($url, $body, ['Content-Type: application/json', "Authorization: Bearer $token"]);
    };

    foreach (['0', '1'] as $strict) {
        $suite->test("the session of the forwarded cookie is read, without its lock or a trace (strict mode $strict)", static function (Check $check) use ($site, $post, $identify, $strict): void {
            list($address, $folder) = $site($strict);
            $id = $post("http://$address/login", '', [])[1];
            $files = scandir($folder);
            $check->same(1, count(preg_grep('/^sess_/', $files)));

            list($status, $answer, $headers) = $identify("http://$address/backend", "theme=dark; PHPSESSID=$id; x=y");
            $check->same([200, '{"user_id":17}'], [$status, $answer]);
            $check->true(strpos($headers, 'set-cookie') === false, 'no cookie is sent');
            $check->contains('content-type: application/json', $headers);

            $nobody = [
                '', 'PHPSESSID=', 'PHPSESSID=' . str_repeat('a', strlen($id)), 'PHPSESSID=../../etc/passwd', 'PHPSESSID=a%00b',
                'PHPSESSID[]=' . $id, "OTHER=$id", 'PHPSESSID=' . str_repeat('a', 300), "PHPSESSID=wrong; PHPSESSID=$id",
            ];
            foreach ($nobody as $cookie) {
                list($status, $answer, $headers) = $identify("http://$address/backend", $cookie);
                $check->same([200, '{"user_id":null}'], [$status, $answer], $cookie);
                $check->true(strpos($headers, 'set-cookie') === false, 'no cookie is sent');
            }
            $check->same($files, scandir($folder), 'no session is made');
        });
    }

    $suite->test('what the site prints by the way does not spoil the answer', static function (Check $check) use ($site, $identify, $post): void {
        list($address) = $site('0');
        $check->same([200, '{"user_id":null}'], array_slice($identify("http://$address/warning", ''), 0, 2));
        list($status, $answer, $headers) = $post("http://$address/backend", '{}', []);
        $check->same([401, 'token_missing'], [$status, json_decode($answer, true)['error']['code']]);
    });
};
