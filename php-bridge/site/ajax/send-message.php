<?php

declare(strict_types=1);

use MessagingSite\Refused;

/** @var MessagingSite\Site $site */
$site = require __DIR__ . '/../bootstrap.php';

$site->answer(static function () use ($site): array {
    $site->request()->assertOwnPost();
    $userId = $site->requireUser();
    $conversationId = $_POST['conversation_id'] ?? '';
    $content = $_POST['content'] ?? '';
    if (!is_string($conversationId) || preg_match('/\A[1-9]\d{0,9}\z/', $conversationId) !== 1) {
        throw new Refused('conversation_id: the number of a conversation.', 400);
    }
    if (!is_string($content)) {
        throw new Refused('content: the text of the message.', 400);
    }
    $message = $site->send((int) $conversationId, $userId, $content);
    return ['message_id' => $message['id']];
});
