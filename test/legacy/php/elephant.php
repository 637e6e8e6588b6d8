<?php
declare(strict_types=1);

/*
 * php elephant.php polling|upgrade|websocket COUNT HOST:PORT
 *
 * Speaks Socket.IO 4 in full, as ElephantIO's 4X driver does: over polling, from polling to WebSocket, or over
 * WebSocket at once. Every other message asks for an ack. Exit status 0 when every ack came.
 */

require __DIR__ . '/WebSocketClient.php';

[, $transport, $count, $server] = $argv;
$base = '/socket.io/?EIO=4&transport=';

$http = static function (string $query, ?string $body = null) use ($server, $base): string {
    $handle = curl_init("http://$server{$base}polling$query");
    curl_setopt_array($handle, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 5,
        CURLOPT_USERAGENT => 'ElephantIO/5.0',
        CURLOPT_HTTPHEADER => ['Origin: http://relay.example', 'Content-Type: text/plain;charset=UTF-8'],
    ] + ($body === null ? [] : [CURLOPT_POSTFIELDS => $body]));
    $answer = curl_exec($handle);
    $status = curl_getinfo($handle, CURLINFO_HTTP_CODE);
    if ($status !== 200) {
        throw new RuntimeException("HTTP $status: $answer");
    }
    return $answer;
};
$expect = static function (string $prefix, string $answer): void {
    if (strncmp($answer, $prefix, strlen($prefix)) !== 0) {
        throw new RuntimeException("wanted $prefix, got $answer");
    }
};
$event = static function (int $n) use ($transport): string {
    $data = ['conversation_id' => 5, 'sender_id' => 3, 'recipient_id' => 17, 'content' => "elephant/$transport-$n"];
    return '42' . ($n % 2 === 0 ? $n : '') . json_encode(['send_message', $data], JSON_THROW_ON_ERROR);
};

$sid = null;
if ($transport !== 'websocket') {
    $sid = json_decode(substr($http(''), 1), true)['sid'];
    $http("&sid=$sid", '40');
    $expect('40{', $http("&sid=$sid"));
}
if ($transport === 'polling') {
    for ($n = 1; $n <= (int) $count; $n++) {
        $http("&sid=$sid", $event($n));
        if ($n % 2 === 0) {
            $expect("43{$n}[{\"ok\":true", $http("&sid=$sid"));
        }
    }
    $http("&sid=$sid", '41');
    exit(0);
}

$client = new WebSocketClient('elephant', "ws://$server{$base}websocket" . ($sid === null ? '' : "&sid=$sid"));
if ($sid === null) {
    $client->await('0{');
    $client->send('40');
    $client->await('40{');
} else {
    $client->send('2probe');
    $client->await('3probe');
    $client->send('5');
}
for ($n = 1; $n <= (int) $count; $n++) {
    $client->send($event($n));
    if ($n % 2 === 0) {
        $client->await("43{$n}[{\"ok\":true");
    }
}
$client->send('41');
$client->drop();
