<?php

declare(strict_types=1);

namespace RelayBridge;

final class HttpRelayClient implements RelayClient
{
    /**
     * @param string $url http://host:port, https://host:port or unix:/path
     * @param int $timeoutMs for all of one call, connecting included
     * @param Breaker|null $breaker null: one shared by all requests of this machine
     * @throws InvalidSetting
     */
    public function __construct(string $url, TokenIssuer $tokens, int $timeoutMs = 250, ?Breaker $breaker = null)
    {
    }

    public function notify(Notification $notification, string $requestId = ''): Outcome
    {
    }

    public function batch(array $notifications, string $requestId = ''): array
    {
    }

    public function disconnect($user, string $reason = 'logged_out', string $requestId = ''): Outcome
    {
    }
}
