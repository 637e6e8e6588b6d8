<?php

declare(strict_types=1);

use MessagingSite\PageEvents;
use MessagingSite\Refused;
use RelayBridge\Backend;

/** @var MessagingSite\Site $site */
$site = require __DIR__ . '/bootstrap.php';

// Ids come as the relay or a page wrote them; what is no plain number is nobody's and no conversation's: 0.
$id = static function ($value): int {
    return (int) filter_var($value, FILTER_VALIDATE_INT, ['options' => ['min_range' => 1, 'default' => 0]]);
};

$actions = [
    'identify' => static function (array $session): ?int {
        return isset($session['user_id']) ? (int) $session['user_id'] : null;
    },
    'members' => static function ($conversationId) use ($site, $id): ?array {
        // Nobody in it: one that the site does not know, and a message to it must be refused rather than reach no one.
        return $site->messaging()->getUsersInConversation($id($conversationId)) ?: null;
    },
    'event' => static function (string $event, $userId, $data) use ($site, $id): array {
        return (new PageEvents($site->messaging(), $site->conversations()))->answer($event, $id($userId), $data);
    },
    'send_message' => static function ($userId, $data) use ($site, $id): array {
        $data = is_array($data) ? $data : [];
        $conversationId = $id($data['conversation_id'] ?? $data['conversationId'] ?? null);
        $content = $data['content'] ?? $data['message'] ?? $data['text'] ?? $data['body'] ?? '';
        try {
            $message = $site->messaging()->sendMessage($conversationId, $id($userId), is_string($content) ? $content : '');
        } catch (Refused $e) {
            return ['error' => $e->getMessage()];
        }
        // No outbox row: the relay that asked has the message in its hands, and delivers it.
        return ['message' => $message, 'recipients' => $site->messaging()->getUsersInConversation($conversationId)];
    },
];

(new Backend($site->tokenVerifier(), $actions))->serve();
