<?php

/*
 * php php-bridge/tests/run.php [part of a test's name]
 *
 * Real MariaDB: mariadbd (or mysqld) and mariadb-install-db from PATH or the usual sbin folders, on a private
 * folder and socket, gone afterwards. TEST_DB_DSN, TEST_DB_USER and TEST_DB_PASSWORD name a server to use instead
 * (as mysql:host=127.0.0.1;port=3306): a database relay_bridge_test is then made there and dropped.
 */

declare(strict_types=1);

namespace RelayBridge\Tests;

error_reporting(E_ALL);
set_error_handler(static function (int $level, string $text, string $file, int $line): bool {
    if ((error_reporting() & $level) === 0) {
        return false;
    }
    throw new \ErrorException($text, 0, $level, $file, $line);
});

require __DIR__ . '/../autoload.php';
foreach (['Suite', 'Skipped', 'Check', 'Child', 'MariaDb', 'FakeRelay'] as $class) {
    require __DIR__ . "/support/$class.php";
}

$missing = array_diff(['pdo_mysql', 'mysqli', 'curl', 'mbstring', 'pcntl', 'posix'], get_loaded_extensions());
if ($missing !== []) {
    fwrite(STDERR, 'PHP extensions missing for the tests: ' . implode(', ', $missing) . "\n");
    exit(1);
}

$suite = new Suite($argv[1] ?? '');
// However the run ends, no server of its own stays behind.
register_shutdown_function([$suite, 'cleanUp']);
pcntl_async_signals(true);
foreach ([SIGINT, SIGTERM, SIGHUP] as $signal) {
    pcntl_signal($signal, static function () use ($signal): void {
        exit(128 + $signal);
    });
}
foreach (['tokens', 'notification', 'client', 'breaker', 'environment', 'backend', 'session', 'outbox', 'isolation', 'drain', 'crash'] as $part) {
    (require __DIR__ . "/$part.php")($suite);
}
exit($suite->finish());
