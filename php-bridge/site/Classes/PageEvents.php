<?php

declare(strict_types=1);

namespace MessagingSite;

/**
 * The page's questions that come over the socket, and the events that it waits for as answers. The user is the one
 * whom the relay has recognised; ids of users within the data are the page's own word and decide nothing.
 */
final class PageEvents
{
    private $messaging;
    private $conversations;

    public function __construct(Messaging $messaging, Conversations $conversations)
    {
        $this->messaging = $messaging;
        $this->conversations = $conversations;
    }

    /**
     * @param mixed $data the event's payload as the page sent it
     * @return array `{emit: [{event, data}]}`, as the relay's backend contract has it
     */
    public function answer(string $event, int $userId, $data): array
    {
        $answers = [
            'get_conversation' => ['conversation_created', 'conversation'],
            'get_messages' => ['messages_loaded', 'messages'],
            'getUnreadCount' => ['unreadCount', 'unreadCount'],
            'getUnreadConversations' => ['unreadConversations', 'unreadConversations'],
            'getConversationParticipants' => ['conversationParticipants', 'participants'],
            'getAllConversations' => ['allConversations', 'allConversations'],
            'search_users' => ['search_results', 'search'],
            'mark_messages_read' => ['messages_marked_read', 'markRead'],
        ];
        if (!isset($answers[$event])) {
            return ['emit' => []];
        }
        list($name, $method) = $answers[$event];
        $data = is_array($data) ? $data : [];
        try {
            $answer = $this->$method($userId, $data);
        } catch (Refused $e) {
            $answer = ['success' => false, 'error' => $e->getMessage()] + array_intersect_key($data, ['conversation_id' => 0]);
        }
        return ['emit' => [['event' => $name, 'data' => $answer]]];
    }

    private function conversation(int $userId, array $data): array
    {
        $recipientId = $this->number($data, 'recipient_id');
        $conversationId = $this->conversations->openConversation($userId, $recipientId);
        $user = $this->conversations->getUser($userId);
        $recipient = $this->conversations->getUser($recipientId);
        return [
            'success' => true,
            'conversation_id' => $conversationId,
            'username' => $user['username'],
            'user_photo' => $user['photo'],
            'recipient_username' => $recipient['username'],
            'recipient_photo' => $recipient['photo'],
        ];
    }

    private function messages(int $userId, array $data): array
    {
        $conversationId = $this->number($data, 'conversation_id');
        $messages = $this->messaging->getMessagesForConversation($conversationId, $userId);
        return ['success' => true, 'messages' => $messages, 'conversation_id' => $conversationId];
    }

    private function unreadCount(int $userId): array
    {
        return ['unreadCount' => $this->messaging->countUnread($userId)];
    }

    private function unreadConversations(int $userId): array
    {
        return ['conversations' => $this->messaging->getUnreadConversations($userId)];
    }

    private function participants(int $userId, array $data): array
    {
        $conversationId = $this->number($data, 'conversation_id');
        $this->messaging->assertMember($conversationId, $userId);
        return ['success' => true, 'participants' => $this->messaging->getUsersInConversation($conversationId)];
    }

    private function allConversations(int $userId): array
    {
        return ['success' => true, 'conversations' => $this->conversations->getAllConversations($userId)];
    }

    private function search(int $userId, array $data): array
    {
        $term = $data['search_term'] ?? '';
        return ['success' => true] + $this->conversations->searchUsers($userId, is_string($term) ? $term : '');
    }

    private function markRead(int $userId, array $data): array
    {
        $conversationId = $this->number($data, 'conversation_id');
        $this->messaging->markRead($conversationId, $userId);
        return ['success' => true, 'conversation_id' => $conversationId];
    }

    /** Pages send their numbers as numbers or as strings, by build and by button. */
    private function number(array $data, string $field): int
    {
        $number = filter_var($data[$field] ?? null, FILTER_VALIDATE_INT, ['options' => ['min_range' => 1]]);
        if ($number === false) {
            throw new Refused("$field: a number.", 400);
        }
        return $number;
    }
}
