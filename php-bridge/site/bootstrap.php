<?php

declare(strict_types=1);

use MessagingSite\Request;
use MessagingSite\Site;
use RelayBridge\Environment;

require_once __DIR__ . '/../autoload.php';
spl_autoload_register(static function (string $class): void {
    if (strncmp($class, 'MessagingSite\\', 14) === 0) {
        require __DIR__ . '/Classes/' . substr($class, 14) . '.php';
    }
});

// What goes wrong belongs in the log: half an answer with a warning in it would be no JSON.
ini_set('display_errors', '0');

return new Site(new Environment(), new Request($_SERVER));
