<?php

/*
 * fake-relay-server.php ADDRESS CONTROL-ADDRESS SECRET [PEM]; prints "host:port control-host:port". PEM is for tls://.
 * State (POST /state on the control address):
 *   down: {status, code, retry_after?}  every request is answered so
 *   refuse: {id: [status, code]}        this notification is, singly or within a batch
 *   batch: status                       every batch as a whole is
 *   limit: n                            429 for a batch of more than n
 *   delay_ms                            before each answer
 *   raw: text                           every answer is this, with status 200
 */

declare(strict_types=1);

error_reporting(E_ALL & ~E_WARNING);
list(, $address, $controlAddress, $secret) = $argv;
$context = stream_context_create(['ssl' => ['local_cert' => $argv[4] ?? '']]);
$listener = stream_socket_server($address, $number, $message, STREAM_SERVER_BIND | STREAM_SERVER_LISTEN, $context);
$control = stream_socket_server($controlAddress);
echo stream_socket_get_name($listener, false) ?: 'unix', ' ', stream_socket_get_name($control, false), "\n";

$state = [];
$log = [];
$seen = [];
$connections = [];

/** Written out from RFC 2104, to be independent of hash_hmac(). */
function hmac(string $text, string $key): string
{
    $key = str_pad(strlen($key) > 64 ? hash('sha256', $key, true) : $key, 64, "\0");
    return hash('sha256', ($key ^ str_repeat("\x5c", 64)) . hash('sha256', ($key ^ str_repeat("\x36", 64)) . $text, true), true);
}

function authorized(string $header, string $body, string $secret): string
{
    $part = explode('.', (string) preg_replace('/^Bearer /', '', $header));
    if (count($part) !== 3 || !hash_equals(rtrim(strtr(base64_encode(hmac("$part[0].$part[1]", $secret)), '+/', '-_'), '='), $part[2])) {
        return 'token_invalid';
    }
    $claims = json_decode(base64_decode(strtr($part[1], '-_', '+/')), true);
    if ($claims['aud'] !== 'relay:internal' || $claims['exp'] < time() || $claims['exp'] - $claims['iat'] > 300) {
        return 'token_invalid';
    }
    return $claims['body'] === hash('sha256', $body) ? '' : 'body_mismatch';
}

$one = static function (array $n, bool $batch, string $requestId) use (&$log, &$seen, &$state): array {
    $id = (string) $n['id'];
    $refusal = $state['refuse'][$id] ?? null;
    $log[] = [
        'id' => $id, 'conversation' => $n['message']['conversation_id'] ?? null, 'taken' => $refusal === null, 'duplicate' => isset($seen[$id]),
        'batch' => $batch, 'request_id' => $requestId, 'error' => $refusal[1] ?? null, 'notification' => $n,
    ];
    if ($refusal !== null) {
        return [$refusal[0], ['error' => ['code' => $refusal[1], 'message' => 'as told']]];
    }
    $duplicate = isset($seen[$id]);
    $seen[$id] = true;
    return [200, ['id' => $id, 'duplicate' => $duplicate, 'delivered' => [], 'offline' => $n['recipients'] ?? []]];
};

$answer = static function (string $path, array $headers, string $body) use (&$log, &$state, $one, $secret): array {
    if (isset($state['down'])) {
        return [$state['down']['status'], ['error' => ['code' => $state['down']['code'], 'message' => 'as told']], $state['down']['retry_after'] ?? null];
    }
    $refused = authorized($headers['authorization'] ?? '', $body, $secret);
    if ($refused !== '') {
        return [401, ['error' => ['code' => $refused, 'message' => '']]];
    }
    $request = json_decode($body, true);
    $requestId = $headers['x-request-id'] ?? '';
    if ($path === '/disconnect') {
        return [200, ['closed' => 1]];
    }
    if ($path === '/notify') {
        return $request === null ? [400, ['error' => ['code' => 'invalid_json', 'message' => '']]] : $one($request, false, $requestId);
    }
    if ($request === null || isset($state['batch'])) {
        return [$state['batch'] ?? 400, ['error' => ['code' => 'invalid_body', 'message' => '']]];
    }
    if (count($request['notifications']) > ($state['limit'] ?? 1000)) {
        return [429, ['error' => ['code' => 'rate_limited', 'message' => '']], 1];
    }
    return [200, ['results' => array_map(static function (array $n) use ($one, $requestId): array {
        return $one($n, true, $requestId)[1];
    }, $request['notifications'])]];
};

$respond = static function ($stream, bool $isControl, string $head, string $body) use (&$log, &$state, $answer): void {
    $lines = explode("\r\n", $head);
    $path = explode(' ', $lines[0])[1];
    $headers = [];
    foreach (array_slice($lines, 1) as $line) {
        list($name, $value) = explode(':', $line, 2);
        $headers[strtolower($name)] = trim($value);
    }
    if ($isControl) {
        $state = $path === '/state' ? json_decode($body, true) : $state;
        $reply = [200, $path === '/log' ? $log : []];
    } else {
        usleep(($state['delay_ms'] ?? 0) * 1000);
        $reply = $answer($path, $headers, $body);
    }
    $json = $isControl ? json_encode($reply[1]) : $state['raw'] ?? json_encode($reply[1]);
    $status = isset($state['raw']) ? 200 : $reply[0];
    $retry = isset($reply[2]) ? "Retry-After: $reply[2]\r\n" : '';
    fwrite($stream, "HTTP/1.1 $status X\r\nContent-Type: application/json\r\n{$retry}Content-Length: " . strlen($json) . "\r\n\r\n" . $json);
};

for (;;) {
    $ready = array_merge([$listener, $control], array_column($connections, 'stream'));
    $write = $except = null;
    stream_select($ready, $write, $except, 60);
    foreach ($ready as $stream) {
        if ($stream === $listener || $stream === $control) {
            $accepted = stream_socket_accept($stream, 1);
            if ($accepted === false) {
                continue;
            }
            $connections[(int) $accepted] = ['stream' => $accepted, 'control' => $stream === $control, 'bytes' => ''];
            continue;
        }
        $key = (int) $stream;
        $chunk = fread($stream, 65536);
        if ($chunk === '' || $chunk === false) {
            fclose($stream);
            unset($connections[$key]);
            continue;
        }
        $connections[$key]['bytes'] .= $chunk;
        $parts = explode("\r\n\r\n", $connections[$key]['bytes'], 2);
        preg_match('/content-length: *(\d+)/i', $parts[0], $length);
        if (count($parts) === 2 && strlen($parts[1]) >= (int) ($length[1] ?? 0)) {
            $connections[$key]['bytes'] = '';
            $respond($stream, $connections[$key]['control'], $parts[0], $parts[1]);
            // An HTTP/1.0 client (file_get_contents, the stream transport) reads to the end of the connection.
            if (strpos(explode("\r\n", $parts[0])[0], 'HTTP/1.0') !== false || stripos($parts[0], "\r\nconnection: close") !== false) {
                fclose($stream);
                unset($connections[$key]);
            }
        }
    }
}
