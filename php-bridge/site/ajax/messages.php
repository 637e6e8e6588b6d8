<?php

declare(strict_types=1);

use MessagingSite\Refused;

/** @var MessagingSite\Site $site */
$site = require __DIR__ . '/../bootstrap.php';

// The history for a page whose relay does not answer, and what lies before the part that the page shows.
$site->answer(static function () use ($site): array {
    $userId = $site->requireUser();
    $conversationId = filter_var($_GET['conversation_id'] ?? null, FILTER_VALIDATE_INT);
    $beforeId = filter_var($_GET['before_id'] ?? PHP_INT_MAX, FILTER_VALIDATE_INT);
    if ($conversationId === false || $beforeId === false) {
        throw new Refused('conversation_id and before_id are numbers.', 400);
    }
    return [
        'conversation_id' => $conversationId,
        'messages' => $site->messaging()->getMessagesForConversation($conversationId, $userId, $beforeId),
    ];
});
