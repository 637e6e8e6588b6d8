<?php

declare(strict_types=1);

use MessagingSite\PageEvents;
use MessagingSite\Refused;
use RelayBridge\Backend;

/** @var MessagingSite\Site $site */
$site = require __DIR__ . '/bootstrap.php';

$actions = [
    'identify' => static function (array $session): ?int {
        return isset($session['user_id']) ? (int) $session['user_id'] : null;
    },
    'members' => static function ($conversationId) use ($site): array {
        return $site->messaging()->getUsersInConversation((int) $conversationId);
    },
    'event' => static function (string $event, $userId, $data) use ($site): array {
        return (new PageEvents($site->messaging(), $site->conversations()))->answer($event, (int) $userId, $data);
    },
    'send_message' => static function ($userId, $data) use ($site): array {
        try {
            $conversationId = (int) ($data['conversation_id'] ?? $data['conversationId'] ?? 0);
            $content = $data['content'] ?? $data['message'] ?? $data['text'] ?? $data['body'] ?? '';
            $message = $site->messaging()->sendMessage($conversationId, (int) $userId, is_string($content) ? $content : '');
        } catch (Refused $e) {
            return ['error' => $e->getMessage()];
        }
        // No outbox row: the relay that asked has the message in its hands, and delivers it.
        return ['message' => $message, 'recipients' => $site->messaging()->getUsersInConversation($conversationId)];
    },
];

(new Backend($site->tokenVerifier(), $actions))->serve();
