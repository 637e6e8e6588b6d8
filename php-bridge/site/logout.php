<?php

declare(strict_types=1);

use MessagingSite\Refused;

/** @var MessagingSite\Site $site */
$site = require __DIR__ . '/bootstrap.php';

try {
    $site->request()->assertOwnPost();
    $site->logOut();
    header('Location: login.php', true, 303);
} catch (Refused $e) {
    http_response_code($e->getCode());
    echo $site->html($e->getMessage());
}
