<?php

declare(strict_types=1);

namespace RelayBridge;

/** The endpoint that the relay calls: proves that it is the relay, and hands each action to the site's callable. */
final class Backend
{
    private const LARGEST_BODY = 1048576;

    private $verifier;
    private $actions;
    private $sessions;

    /**
     * @param array $actions callables; one that is missing is answered 404
     *   `identify` (array $session, string $cookieHeader): the user's id, or null for nobody
     *   `members` ($conversationId): a list of user ids; null, or an empty one, for a conversation it does not know
     *   `event` ($event, $userId, $data), or a map of event name => callable ($userId, $data):
     *       ['emit' => [['event' => …, 'data' => …, 'to' => [ids]?], …], 'ack' => …]; null for nothing
     *   `send_message` ($userId, $data): ['message' => [...], 'recipients' => [...]], or ['error' => '…']
     *   The relay's id of the call is in $_SERVER['HTTP_X_REQUEST_ID'] meanwhile; HttpRelayClient passes it on.
     */
    public function __construct(TokenVerifier $verifier, array $actions, ?SessionReader $sessions = null)
    {
        $this->verifier = $verifier;
        $this->actions = $actions;
        $this->sessions = $sessions ?? new SessionReader();
    }

    /** Answers the present request: reads its body and headers, sends status and JSON. */
    public function serve(): void
    {
        $body = (string) file_get_contents('php://input', false, null, 0, self::LARGEST_BODY + 1);
        // A warning that PHP prints into the answer would spoil its JSON.
        ob_start();
        $answer = $this->answer($_SERVER['REQUEST_METHOD'] ?? '', $this->authorization(), $body);
        $printed = (string) ob_get_clean();
        if ($printed !== '') {
            error_log('relay backend: ' . $this->named() . 'left out of the answer: ' . substr($printed, 0, 500));
        }
        http_response_code($answer->status());
        header('Content-Type: application/json');
        header('Cache-Control: no-store');
        $requestId = (new RequestId())->present();
        if ($requestId !== '') {
            header('X-Request-Id: ' . $requestId);
        }
        if ($answer->status() === 405) {
            header('Allow: POST');
        }
        echo $answer->json();
    }

    public function answer(string $method, string $authorization, string $body): BackendAnswer
    {
        try {
            return new BackendAnswer(200, $this->dispatch($this->request($method, $authorization, $body)));
        } catch (TokenRefused $e) {
            return $this->refusal(401, $e->reason(), $e->getMessage());
        } catch (RequestRefused $e) {
            return $this->refusal($e->status(), $e->reason(), $e->getMessage());
        } catch (\Throwable $e) {
            // What the site threw may hold anything, so it goes to the log and not over the wire.
            error_log('relay backend: ' . $this->named() . $e);
            return $this->refusal(500, 'internal', 'see PHP\'s error log');
        }
    }

    private function request(string $method, string $authorization, string $body): array
    {
        if ($method !== 'POST') {
            throw new RequestRefused(405, 'method_not_allowed', 'POST only');
        }
        if (strlen($body) > self::LARGEST_BODY) {
            throw new RequestRefused(413, 'payload_too_large', 'at most ' . self::LARGEST_BODY . ' bytes');
        }
        $this->verifier->verify($authorization, $body);
        $request = (new Json())->decode($body);
        if ($request === null && json_last_error() !== JSON_ERROR_NONE) {
            throw new RequestRefused(400, 'invalid_json', json_last_error_msg());
        }
        if (!is_array($request) || !is_string($request['action'] ?? null)) {
            throw new RequestRefused(400, 'invalid_body', 'action: a string is required');
        }
        return $request;
    }

    private function dispatch(array $request): array
    {
        switch ($request['action']) {
            case 'identify':
                return $this->identify($this->text($request, 'cookie'));
            case 'members':
                return $this->members($this->id($request, 'conversation_id'));
            case 'event':
                return $this->event($this->text($request, 'event'), $this->id($request, 'user_id'), $request['data'] ?? null);
            case 'send_message':
                return $this->sendMessage($this->id($request, 'user_id'), $request['data'] ?? null);
        }
        throw new RequestRefused(404, 'unknown_action', 'this backend knows identify, members, event and send_message');
    }

    private function identify(string $cookie): array
    {
        $user = $this->callable('identify')($this->sessions->read($cookie), $cookie);
        $user = is_array($user) ? $user['user_id'] ?? null : $user;
        if ($user !== null && !is_int($user) && !is_string($user)) {
            throw new \UnexpectedValueException('identify must give an id or null, gave ' . gettype($user));
        }
        // A logged-out site keeps 0 or '' where it means nobody.
        return ['user_id' => in_array($user, [0, '', '0'], true) ? null : $user];
    }

    private function members($conversation): array
    {
        $members = $this->callable('members')($conversation);
        $members = isset($members['members']) ? $members['members'] : $members;
        if ($members !== null && !is_array($members)) {
            throw new \UnexpectedValueException('members must give a list of ids or null, gave ' . gettype($members));
        }
        return ['members' => $members === null ? null : array_values($members)];
    }

    private function event(string $event, $user, $data): array
    {
        $handler = $this->actions['event'] ?? null;
        if (is_callable($handler)) {
            $reply = $handler($event, $user, $data);
        } elseif (isset($handler[$event])) {
            $reply = $handler[$event]($user, $data);
        } else {
            throw new RequestRefused(404, 'unknown_event', 'this backend does not answer this event');
        }
        if ($reply !== null && !is_array($reply)) {
            throw new \UnexpectedValueException("event $event must give an array or null, gave " . gettype($reply));
        }
        return ($reply ?? []) + ['emit' => []];
    }

    private function sendMessage($user, $data): array
    {
        $reply = $this->callable('send_message')($user, $data);
        $message = $reply['message'] ?? null;
        $isMessage = (is_array($message) || is_object($message)) && is_array($reply['recipients'] ?? null);
        if (!is_string($reply['error'] ?? null) && !$isMessage) {
            throw new \UnexpectedValueException('send_message must give message and recipients, or error');
        }
        return $reply;
    }

    private function callable(string $action): callable
    {
        if (!isset($this->actions[$action])) {
            throw new RequestRefused(404, 'unknown_action', "this backend has no $action");
        }
        return $this->actions[$action];
    }

    private function text(array $request, string $field): string
    {
        if (!is_string($request[$field] ?? null)) {
            throw new RequestRefused(400, 'invalid_body', "$field: a string is required");
        }
        return $request[$field];
    }

    /** @return int|string */
    private function id(array $request, string $field)
    {
        try {
            (new Id())->check($request[$field] ?? null, $field);
        } catch (InvalidNotification $e) {
            throw new RequestRefused(400, 'invalid_body', $e->getMessage());
        }
        return $request[$field];
    }

    /** The relay's log has the same id beside the page's user and event. */
    private function named(): string
    {
        $requestId = (new RequestId())->present();
        return $requestId === '' ? '' : "request $requestId: ";
    }

    private function refusal(int $status, string $code, string $message): BackendAnswer
    {
        return new BackendAnswer($status, ['error' => ['code' => $code, 'message' => $message]]);
    }

    private function authorization(): string
    {
        // Apache gives the header under another name after a rewrite, or not at all but to getallheaders().
        $headers = function_exists('getallheaders') ? array_change_key_case(getallheaders()) : [];
        return $_SERVER['HTTP_AUTHORIZATION'] ?? $_SERVER['REDIRECT_HTTP_AUTHORIZATION'] ?? $headers['authorization'] ?? '';
    }
}
