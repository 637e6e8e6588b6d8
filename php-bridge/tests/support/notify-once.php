<?php

declare(strict_types=1);

/* notify-once.php RELAY-URL [TIMEOUT-MS] */

require __DIR__ . '/../../autoload.php';

$client = new RelayBridge\HttpRelayClient($argv[1], new RelayBridge\TokenIssuer('a secret of more than 32 bytes, for tests'), (int) ($argv[2] ?? 250));
$notification = new RelayBridge\Notification(['id' => 1], [17]);
$start = microtime(true);
$outcome = $client->notify($notification);
echo json_encode(['code' => $outcome->code(), 'ms' => (microtime(true) - $start) * 1000]);
