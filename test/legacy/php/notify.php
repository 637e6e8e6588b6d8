<?php
declare(strict_types=1);

/*
 * php notify.php LIBRARY STYLE ENDING COUNT HOST:PORT [PREFIX]
 *
 * Sends COUNT messages as an old site would, each from a process of its own (as each PHP request is), and prints one
 * line for each that failed. Exit status 0 when PHP saw none fail. The text of message n is PREFIX-n.
 */

require __DIR__ . '/WebSocketClient.php';

[, $library, $style, $ending, $count, $server] = $argv;
$prefix = $argv[6] ?? "$library/$style/$ending";

$message = static function (int $n, int $padding = 0) use ($prefix): array {
    return [
        'conversation_id' => '5',
        'sender_id' => 3,
        'recipient_id' => 17,
        'content' => "$prefix-$n",
        'padding' => str_repeat('ä', $padding),
    ];
};
$json = static function ($value): string {
    return json_encode($value, JSON_THROW_ON_ERROR);
};
$event = static function (array $data, string $head = '42') use ($json): string {
    return $head . $json(['send_message', $data]);
};
$wait = static function (WebSocketClient $client, array $data) use ($event): void {
    $client->connect();
    $client->await('0{');
    $client->send('40');
    $client->await('40{');
    $client->send($event($data));
};
$io = '/socket.io/?transport=websocket';

/** style => [path and query, what is sent] */
$styles = [
    'event-data' => ['', fn ($c, $n) => $c->send($json(['event' => 'send_message', 'data' => $message($n)]))],
    'event-string' => ['', fn ($c, $n) => $c->send($json(['event' => 'new_message', 'data' => $json($message($n))]))],
    'action' => ['', fn ($c, $n) => $c->send($json(['action' => 'send_message'] + $message($n)))],
    'type-data' => ['', fn ($c, $n) => $c->send($json(['type' => 'message', 'data' => $message($n)]))],
    'flat' => ['', fn ($c, $n) => $c->send($json($message($n)))],
    'json-in-json' => ['', fn ($c, $n) => $c->send($json($json(['event' => 'receive_message', 'data' => $message($n)])))],
    'any-path' => ['/chat/server.php?x=1', fn ($c, $n) => $c->send($json(['event' => 'message', 'data' => $message($n)]))],
    'binary' => ['', fn ($c, $n) => $c->send($json(['event' => 'message', 'data' => $message($n)]), 'binary')],
    'large' => ['', fn ($c, $n) => $c->send($json(['event' => 'send_message', 'data' => $message($n, 3000)]))],
    'two-sends' => ['', function ($c, $n) use ($json, $message) {
        $c->send($json(['event' => 'send_message', 'data' => $message($n) + ['part' => 1]]));
        usleep(60000);
        $c->send($json(['event' => 'send_message', 'data' => $message($n) + ['part' => 2]]));
    }],
    'send-receive' => ['', function ($c, $n) use ($json, $message) {
        $c->send($json(['event' => 'send_message', 'data' => $message($n)]));
        if ($c->receive() !== '{"ok":true}') throw new RuntimeException('another answer');
    }],
    'eio4' => ["$io&EIO=4", fn ($c, $n) => $c->send($event($message($n)))],
    'eio3' => ["$io&EIO=3", fn ($c, $n) => $c->send($event($message($n)))],
    'eio2' => ["$io&EIO=2", fn ($c, $n) => $c->send($event($message($n)))],
    'eio-none' => ['/socket.io/', fn ($c, $n) => $c->send($event($message($n)))],
    'eio4-40' => ["$io&EIO=4", function ($c, $n) use ($event, $message) { $c->send('40'); $c->send($event($message($n))); }],
    'eio3-40' => ["$io&EIO=3", function ($c, $n) use ($event, $message) { $c->send('40'); $c->send($event($message($n))); }],
    'eio4-wait' => ["$io&EIO=4", fn ($c, $n) => $wait($c, $message($n))],
    'eio3-wait' => ["$io&EIO=3", function ($c, $n) use ($event, $message) {
        $c->connect();
        $c->await('0{');
        $c->await('40');
        $c->send($event($message($n)));
    }],
    'eio4-ack' => ["$io&EIO=4", function ($c, $n) use ($event, $message) {
        $c->send('40');
        $c->send($event($message($n), '427'));
        $c->await('437[{"ok":true}]');
    }],
    'eio4-large' => ["$io&EIO=4", function ($c, $n) use ($event, $message) { $c->send('40'); $c->send($event($message($n, 3000))); }],
    'by-conversation' => ['', fn ($c, $n) => $c->send($json(
        ['event' => 'send_message', 'data' => array_diff_key($message($n), ['recipient_id' => 0])]
    ))],
    'raw-on-stock-path' => ["$io&EIO=4", fn ($c, $n) => $c->send($json(['event' => 'send_message', 'data' => $message($n)]))],
];

if ($style === 'list') {
    echo implode("\n", array_keys($styles)), "\n";
    exit(0);
}
[$target, $speak] = $styles[$style];

$one = static function (int $n) use ($library, $server, $target, $speak, $ending): int {
    try {
        $client = new WebSocketClient($library, "ws://$server$target");
        $speak($client, $n);
        if ($ending !== 'exit') {
            $client->$ending();
        }
        return 0;
    } catch (RuntimeException $exception) {
        echo "$n: {$exception->getMessage()}\n";
        return 1;
    }
};

$failures = 0;
for ($n = 1; $n <= (int) $count; $n++) {
    $child = pcntl_fork();
    if ($child === 0) {
        exit($one($n));
    }
    pcntl_waitpid($child, $status);
    $failures += pcntl_wexitstatus($status) === 0 ? 0 : 1;
}
exit($failures === 0 ? 0 : 1);
