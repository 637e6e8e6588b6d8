<?php

declare(strict_types=1);

namespace RelayBridge;

/** Calls the relay's internal API over TCP or a Unix socket. */
final class HttpRelayClient implements TimedRelayClient
{
    /** A relay that is well answers within this. */
    private const FAIR_MS = 100;

    private $tokens;
    private $transport;
    private $timeoutMs;
    private $breaker;
    private $end = INF;

    /**
     * @param string $url http://host:port, https://host:port or unix:/path
     * @param int $timeoutMs for all of one call, connecting included; the default leaves room below the 300 ms that a page may lose
     * @param Breaker|null $breaker null: one that all requests of this machine share
     * @throws InvalidSetting
     */
    public function __construct(string $url, TokenIssuer $tokens, int $timeoutMs = 250, ?Breaker $breaker = null)
    {
        $endpoint = new Endpoint($url);
        $timeoutMs = max(1, $timeoutMs);
        $this->tokens = $tokens;
        $this->timeoutMs = $timeoutMs;
        $this->transport = function_exists('curl_init')
            ? new CurlTransport($endpoint, $timeoutMs)
            : new StreamTransport($endpoint, $timeoutMs);
        $this->breaker = $breaker ?? new SharedBreaker(
            function_exists('apcu_enabled') && apcu_enabled()
                ? new ApcuBreakerMemory($endpoint->url())
                : new FileBreakerMemory($endpoint->url())
        );
    }

    public function endingBy(float $end): RelayClient
    {
        $copy = clone $this;
        $copy->end = $end;
        return $copy;
    }

    public function notify(Notification $notification, string $requestId = ''): Outcome
    {
        $body = $this->encode($notification);
        return $body instanceof Outcome ? $body : $this->post('/notify', $body, 'delivered', $requestId);
    }

    public function batch(array $notifications, string $requestId = ''): array
    {
        $encoded = array_map([$this, 'encode'], array_values($notifications));
        $bodies = array_filter($encoded, 'is_string');
        $whole = $bodies === []
            ? new Outcome(200, ['results' => []])
            : $this->post('/notify/batch', '{"notifications":[' . implode(',', $bodies) . ']}', 'results', $requestId);
        $results = $whole->answer()['results'] ?? [];
        $outcomes = [];
        foreach ($encoded as $body) {
            $outcomes[] = is_string($body) ? $this->outcomeOfOne($whole, array_shift($results)) : $body;
        }
        return $outcomes;
    }

    public function disconnect($user, string $reason = 'logged_out', string $requestId = ''): Outcome
    {
        try {
            $body = (new Json())->encode(['user' => (new Id())->check($user, 'user'), 'reason' => $reason]);
        } catch (RelayBridgeException $e) {
            return $this->failure('invalid_notification', $e->getMessage());
        }
        return $this->post('/disconnect', $body, 'closed', $requestId);
    }

    /** @return string|Outcome */
    private function encode(Notification $notification)
    {
        try {
            return $notification->json();
        } catch (UnencodableMessage $e) {
            return $this->failure('unencodable', $e->getMessage());
        } catch (InvalidNotification $e) {
            return $this->failure('invalid_notification', $e->getMessage());
        }
    }

    /** @param mixed $result */
    private function outcomeOfOne(Outcome $whole, $result): Outcome
    {
        if (!$whole->isAccepted()) {
            return $whole;
        }
        $isWhole = is_array($result) && (isset($result['delivered']) || isset($result['error']));
        return $isWhole ? new Outcome(200, $result) : $this->failure('bad_answer', 'the relay left a notification out of its results');
    }

    /** @param string $mark a field of every good answer: a 200 without it came from something that is no relay */
    private function post(string $path, string $body, string $mark, string $requestId): Outcome
    {
        // The page comes first: not even a site's error handler that throws on warnings may make this one throw.
        try {
            if ($this->leftMs() < 1) {
                return $this->failure('no_time', 'skipped: the time for it was up');
            }
            if ($this->breaker->isOpen()) {
                return $this->failure('breaker_open', 'skipped: the last calls to the relay failed');
            }
            // One that the page's end cut short says nothing about the relay.
            $hadItsTime = $this->leftMs() >= min($this->timeoutMs, self::FAIR_MS);
            $outcome = $this->attempt($path, $body, $mark, $requestId);
            if (!$outcome->isRetryable() || $outcome->isOfTheBackend()) {
                $this->breaker->succeeded();
            } elseif ($hadItsTime) {
                $this->breaker->failed();
            }
            return $outcome;
        } catch (\Throwable $e) {
            return $this->failure('client_failed', get_class($e) . ': ' . $e->getMessage());
        }
    }

    private function attempt(string $path, string $body, string $mark, string $requestId): Outcome
    {
        $headers = [
            'Content-Type: application/json',
            'Authorization: Bearer ' . $this->tokens->internal($body),
            'X-Request-Id: ' . (new RequestId())->of($requestId),
        ];
        try {
            $answer = $this->transport->post($path, $body, $headers, max(1, $this->leftMs()));
        } catch (TransportFailed $e) {
            return $this->failure($e->reason(), $e->getMessage());
        }
        $decoded = (new Json())->decode($answer->body());
        if ($answer->status() === 200 && !isset($decoded[$mark])) {
            return $this->failure('bad_answer', 'not a relay\'s answer: is RELAY_INTERNAL_URL its internal listener?');
        }
        return new Outcome($answer->status(), is_array($decoded) ? $decoded : [], $answer->retryAfter());
    }

    private function leftMs(): int
    {
        return (int) min(PHP_INT_MAX, ($this->end - microtime(true)) * 1000);
    }

    private function failure(string $code, string $message): Outcome
    {
        return new Outcome(0, ['error' => ['code' => $code, 'message' => $message]]);
    }
}
