<?php

declare(strict_types=1);

namespace RelayBridge;

/** For a site's own tests: sends nothing, remembers everything, answers as told. */
final class RecordingRelayClient implements RelayClient
{
    private $outcomes;
    private $notifications = [];
    private $disconnected = [];

    /** @param Outcome[] $outcomes the answers to come, in order; after them everything is accepted with everybody offline */
    public function __construct(array $outcomes = [])
    {
        $this->outcomes = array_values($outcomes);
    }

    public function notify(Notification $notification, string $requestId = ''): Outcome
    {
        $this->notifications[] = $notification;
        $accepted = ['id' => $notification->id(), 'duplicate' => false, 'delivered' => [], 'offline' => $notification->recipients()];
        return array_shift($this->outcomes) ?? new Outcome(200, $accepted);
    }

    public function batch(array $notifications, string $requestId = ''): array
    {
        return array_map([$this, 'notify'], array_values($notifications));
    }

    public function disconnect($user, string $reason = 'logged_out', string $requestId = ''): Outcome
    {
        $this->disconnected[] = (string) $user;
        return array_shift($this->outcomes) ?? new Outcome(200, ['closed' => 0]);
    }

    /** @return Notification[] in the order in which they came, batched ones singly */
    public function notifications(): array
    {
        return $this->notifications;
    }

    /** @return string[] */
    public function disconnected(): array
    {
        return $this->disconnected;
    }
}
