<?php

declare(strict_types=1);

/* breaker-under-locale.php FOLDER LOCALE... (the first of them that is here); prints 1.5 by it, and what the breaker is after three failures */

require __DIR__ . '/../../autoload.php';

setlocale(LC_ALL, array_slice($argv, 2));
$breaker = static function () use ($argv): RelayBridge\SharedBreaker {
    return new RelayBridge\SharedBreaker(new RelayBridge\FileBreakerMemory('http://relay', $argv[1]));
};
for ($i = 0; $i < 3; $i++) {
    $breaker()->failed();
}
echo sprintf('%.1f ', 1.5), $breaker()->isOpen() ? 'open' : 'closed';
