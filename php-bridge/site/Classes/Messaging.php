<?php

declare(strict_types=1);

namespace MessagingSite;

/**
 * Messages: written, listed, counted, marked as read. Every method that takes a user answers only for
 * conversations that this user is in, and throws Refused otherwise.
 *
 * A message is `{id, conversation_id, sender_id, sender_name, sender_photo, content, sent_at}`: numbers are
 * numbers, the photo is a string (never null), `sent_at` is ISO 8601 in UTC with `T` and `Z`. The content is
 * stored and handed on as the plain text that was typed; it is made safe where it is shown, once (messaging.js).
 */
final class Messaging
{
    /** Characters. Even if JSON writes each one as two \uXXXX, a notify stays under the relay's 64 KiB. */
    public const MAX_LENGTH = 4000;

    private const PAGE = 100;

    private const SELECT = 'SELECT m.message_id, m.conversation_id, m.sender_id, m.content, m.sent_at,
        u.username, u.photo FROM Messages m LEFT JOIN users u ON u.user_id = m.sender_id ';

    private const UNREAD = 'FROM Messages m JOIN ConversationParticipants p
        ON p.conversation_id = m.conversation_id AND p.user_id = :me
        WHERE m.sender_id <> p.user_id AND m.is_read = 0 AND m.message_id > p.last_read_id';

    private $db;

    public function __construct(Database $db)
    {
        $this->db = $db;
    }

    /**
     * Persists a message and, in the same transaction, whatever `$inTransaction` writes: the outbox row, so that
     * a message and the duty to announce it are saved together or not at all.
     *
     * @param callable|null $inTransaction given the message and the ids of all members
     * @return array the message
     */
    public function sendMessage(int $conversationId, int $senderId, string $content, ?callable $inTransaction = null): array
    {
        $this->assertContent($content);
        return $this->db->transaction(function () use ($conversationId, $senderId, $content, $inTransaction): array {
            // First, because its row lock makes writers of one conversation take turns: ids then rise in the
            // order of commits, and the outbox announces them in the order in which they are listed.
            $this->db->run('UPDATE Conversations SET updated_at = UTC_TIMESTAMP() WHERE conversation_id = ?', [$conversationId]);
            $this->assertMember($conversationId, $senderId);
            $message = $this->find($this->db->insert(
                'INSERT INTO Messages (conversation_id, sender_id, content, sent_at) VALUES (?, ?, ?, UTC_TIMESTAMP())',
                [$conversationId, $senderId, $content]
            ));
            if ($inTransaction !== null) {
                $inTransaction($message, $this->getUsersInConversation($conversationId));
            }
            return $message;
        });
    }

    /** @return array[] the newest 100 messages (older than `$beforeId`, where given), oldest first */
    public function getMessagesForConversation(int $conversationId, int $userId, ?int $beforeId = null): array
    {
        $this->assertMember($conversationId, $userId);
        $rows = $this->db->run(
            self::SELECT . 'WHERE m.conversation_id = ? AND m.message_id < ? ORDER BY m.message_id DESC LIMIT ' . self::PAGE,
            [$conversationId, $beforeId === null ? PHP_INT_MAX : $beforeId]
        );
        return array_reverse(array_map([$this, 'shape'], $rows));
    }

    /** @return int[] everyone in the conversation, the sender of any message included; empty when there is none */
    public function getUsersInConversation(int $conversationId): array
    {
        $rows = $this->db->run(
            'SELECT user_id FROM ConversationParticipants WHERE conversation_id = ? ORDER BY user_id',
            [$conversationId]
        );
        return array_map('intval', array_column($rows, 'user_id'));
    }

    public function countUnread(int $userId): int
    {
        return (int) $this->db->run('SELECT COUNT(*) AS n ' . self::UNREAD, ['me' => $userId])[0]['n'];
    }

    /** @return array[] conversations with something unread, the newest first */
    public function getUnreadConversations(int $userId): array
    {
        $rows = $this->db->run(
            'SELECT unread.n, last.message_id, last.conversation_id, last.sender_id, last.content, u.username, u.photo
             FROM (SELECT m.conversation_id, COUNT(*) AS n, MAX(m.message_id) AS last_id ' . self::UNREAD . '
                   GROUP BY m.conversation_id) unread
             JOIN Messages last ON last.message_id = unread.last_id
             LEFT JOIN users u ON u.user_id = last.sender_id
             ORDER BY last.message_id DESC',
            ['me' => $userId]
        );
        return array_map(static function (array $row): array {
            return [
                'conversation_id' => (int) $row['conversation_id'],
                'unread_count' => (int) $row['n'],
                'last_sender_id' => (int) $row['sender_id'],
                'last_message' => (string) $row['content'],
                'last_sender_username' => (string) $row['username'],
                'last_sender_photo' => (string) $row['photo'],
            ];
        }, $rows);
    }

    /** Everything in the conversation up to now has been seen by this user. */
    public function markRead(int $conversationId, int $userId): void
    {
        $this->assertMember($conversationId, $userId);
        $this->db->run(
            'UPDATE ConversationParticipants SET last_read_id = GREATEST(last_read_id, (SELECT COALESCE(MAX(message_id), 0)
             FROM Messages WHERE conversation_id = :read)) WHERE conversation_id = :mine AND user_id = :me',
            ['read' => $conversationId, 'mine' => $conversationId, 'me' => $userId]
        );
        // is_read keeps its old meaning for the site's other pages: read by everyone it was for.
        $this->db->run(
            'UPDATE Messages m SET m.is_read = 1 WHERE m.conversation_id = ? AND m.is_read = 0 AND NOT EXISTS (
               SELECT 1 FROM ConversationParticipants p WHERE p.conversation_id = m.conversation_id
               AND p.user_id <> m.sender_id AND p.last_read_id < m.message_id)',
            [$conversationId]
        );
    }

    public function assertMember(int $conversationId, int $userId): void
    {
        if (!in_array($userId, $this->getUsersInConversation($conversationId), true)) {
            throw new Refused('You are not in this conversation.', 403);
        }
    }

    private function assertContent(string $content): void
    {
        // preg with /u fails on bytes that are not UTF-8: they could be neither stored nor put into JSON.
        if (preg_match('//u', $content) !== 1) {
            throw new Refused('The message is not valid text (UTF-8).', 400);
        }
        if (preg_match('/\A[\s\p{Z}\p{Cf}]*+\z/u', $content) === 1) {
            throw new Refused('The message is empty.', 422);
        }
        if (preg_match('/\A.{1,' . self::MAX_LENGTH . '}\z/su', $content) !== 1) {
            throw new Refused('The message is longer than ' . self::MAX_LENGTH . ' characters.', 413);
        }
    }

    private function find(int $messageId): array
    {
        return $this->shape($this->db->run(self::SELECT . 'WHERE m.message_id = ?', [$messageId])[0]);
    }

    private function shape(array $row): array
    {
        return [
            'id' => (int) $row['message_id'],
            'conversation_id' => (int) $row['conversation_id'],
            'sender_id' => (int) $row['sender_id'],
            'sender_name' => (string) $row['username'],
            'sender_photo' => (string) $row['photo'],
            'content' => (string) $row['content'],
            'sent_at' => str_replace(' ', 'T', (string) $row['sent_at']) . 'Z',
        ];
    }
}
