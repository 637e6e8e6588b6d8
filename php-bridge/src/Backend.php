<?php

declare(strict_types=1);

namespace RelayBridge;

final class Backend
{
    /**
     * @param array $actions callables under `identify` (array $session, string $cookieHeader), `members` ($conversationId),
     *   `send_message` ($userId, $data), and under `event` one callable (string $event, $userId, $data) or a map of event name => callable ($userId, $data)
     */
    public function __construct(TokenVerifier $verifier, array $actions, ?SessionReader $sessions = null)
    {
    }

    /** Answers the present request: reads php://input and the headers, sends status and JSON. */
    public function serve(): void
    {
    }

    public function answer(string $method, string $authorization, string $body): BackendAnswer
    {
    }
}
