<?php

declare(strict_types=1);

namespace MessagingSite;

/** People and the conversations they are in: listed, found, begun. Photos are strings, never null. */
final class Conversations
{
    private $db;

    public function __construct(Database $db)
    {
        $this->db = $db;
    }

    /** @return array|null `{user_id, username, photo}` */
    public function getUser(int $userId): ?array
    {
        $rows = $this->db->run('SELECT user_id, username, photo FROM users WHERE user_id = ?', [$userId]);
        return $rows === [] ? null : $this->person($rows[0]);
    }

    /** @return array[] everyone, by name */
    public function getAllUsers(): array
    {
        return array_map([$this, 'person'], $this->db->run('SELECT user_id, username, photo FROM users ORDER BY username', []));
    }

    /**
     * @return array[] the newest first: `{conversation_id, participants: [{user_id, username, photo}], unread_count,
     *   last_message, last_sender_id, last_sent_at}`; the last three are null where nothing was said yet, and
     *   `participants` leaves the asking user out
     */
    public function getAllConversations(int $userId): array
    {
        $rows = $this->db->run(
            'SELECT c.conversation_id, last.sender_id, last.content, last.sent_at,
               (SELECT COUNT(*) FROM Messages n WHERE n.conversation_id = c.conversation_id AND n.sender_id <> p.user_id
                AND n.is_read = 0 AND n.message_id > p.last_read_id) AS unread
             FROM ConversationParticipants p JOIN Conversations c ON c.conversation_id = p.conversation_id
             LEFT JOIN Messages last ON last.message_id =
               (SELECT MAX(message_id) FROM Messages WHERE conversation_id = c.conversation_id)
             WHERE p.user_id = ? ORDER BY c.updated_at DESC, last.message_id DESC',
            [$userId]
        );
        $others = $this->othersByConversation($userId);
        return array_map(static function (array $row) use ($others): array {
            $id = (int) $row['conversation_id'];
            return [
                'conversation_id' => $id,
                'participants' => $others[$id] ?? [],
                'unread_count' => (int) $row['unread'],
                'last_message' => $row['content'],
                'last_sender_id' => $row['sender_id'] === null ? null : (int) $row['sender_id'],
                'last_sent_at' => $row['sent_at'] === null ? null : str_replace(' ', 'T', $row['sent_at']) . 'Z',
            ];
        }, $rows);
    }

    /** The conversation of just these two, begun where there is none yet. */
    public function openConversation(int $userId, int $recipientId): int
    {
        if ($userId === $recipientId || $this->getUser($recipientId) === null) {
            throw new Refused('There is nobody like that to talk to.', 404);
        }
        return $this->db->transaction(function () use ($userId, $recipientId): int {
            // Both rows are locked, in one order, so that two people who write to each other at once begin one conversation.
            $this->db->run('SELECT user_id FROM users WHERE user_id IN (?, ?) ORDER BY user_id FOR UPDATE', [$userId, $recipientId]);
            return $this->findBetween($userId, $recipientId) ?? $this->begin([$userId, $recipientId]);
        });
    }

    /**
     * People whose name holds the term: `conversations` for those one talks to already
     * (`{conversation_id, user_id, username, photo}`), `newUsers` for the others (`{user_id, username, photo}`).
     */
    public function searchUsers(int $userId, string $term): array
    {
        $like = '%' . addcslashes($term, '%_\\') . '%';
        $rows = trim($term) === '' || preg_match('//u', $term) !== 1 ? [] : $this->db->run(
            'SELECT user_id, username, photo FROM users WHERE user_id <> ? AND username LIKE ? ORDER BY username LIMIT 20',
            [$userId, $like]
        );
        $found = ['conversations' => [], 'newUsers' => []];
        foreach (array_map([$this, 'person'], $rows) as $person) {
            $conversation = $this->findBetween($userId, $person['user_id']);
            if ($conversation === null) {
                $found['newUsers'][] = $person;
            } else {
                $found['conversations'][] = ['conversation_id' => $conversation] + $person;
            }
        }
        return $found;
    }

    private function findBetween(int $userId, int $recipientId): ?int
    {
        $rows = $this->db->run(
            'SELECT mine.conversation_id FROM ConversationParticipants mine
             JOIN ConversationParticipants theirs ON theirs.conversation_id = mine.conversation_id AND theirs.user_id = ?
             WHERE mine.user_id = ? AND (SELECT COUNT(*) FROM ConversationParticipants everyone
               WHERE everyone.conversation_id = mine.conversation_id) = 2
             ORDER BY mine.conversation_id LIMIT 1',
            [$recipientId, $userId]
        );
        return $rows === [] ? null : (int) $rows[0]['conversation_id'];
    }

    private function begin(array $userIds): int
    {
        $id = $this->db->insert('INSERT INTO Conversations (created_at, updated_at) VALUES (UTC_TIMESTAMP(), UTC_TIMESTAMP())', []);
        foreach ($userIds as $userId) {
            $this->db->run('INSERT INTO ConversationParticipants (conversation_id, user_id) VALUES (?, ?)', [$id, $userId]);
        }
        return $id;
    }

    private function othersByConversation(int $userId): array
    {
        $rows = $this->db->run(
            'SELECT theirs.conversation_id, u.user_id, u.username, u.photo FROM ConversationParticipants mine
             JOIN ConversationParticipants theirs ON theirs.conversation_id = mine.conversation_id AND theirs.user_id <> mine.user_id
             JOIN users u ON u.user_id = theirs.user_id WHERE mine.user_id = ? ORDER BY u.username',
            [$userId]
        );
        $others = [];
        foreach ($rows as $row) {
            $others[(int) $row['conversation_id']][] = $this->person($row);
        }
        return $others;
    }

    private function person(array $row): array
    {
        return ['user_id' => (int) $row['user_id'], 'username' => (string) $row['username'], 'photo' => (string) $row['photo']];
    }
}
