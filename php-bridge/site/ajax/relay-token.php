<?php

declare(strict_types=1);

use MessagingSite\Refused;

/** @var MessagingSite\Site $site */
$site = require __DIR__ . '/../bootstrap.php';

// A fresh token for relay-client.js when the one in the page has run out.
$site->answer(static function () use ($site): array {
    $userId = $site->requireUser();
    if (!$site->settings()->sendsToken()) {
        throw new Refused('This site does not use tokens (SITE_PROOF).', 404);
    }
    return ['token' => $site->tokens()->client($userId)];
});
