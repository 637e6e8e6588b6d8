<?php

declare(strict_types=1);

namespace RelayBridge;

/** Where the relay's internal listener is. */
final class Endpoint
{
    private $url;
    private $base;
    private $socket = '';

    /**
     * @param string $url http://host:port, https://host:port or unix:/path
     * @throws InvalidSetting
     */
    public function __construct(string $url)
    {
        $this->url = rtrim($url, '/');
        if (preg_match('#^unix:(?://)?(/.+)$#D', $this->url, $match) === 1) {
            $this->socket = $match[1];
            $this->base = 'http://localhost';
            return;
        }
        $scheme = strtolower((string) parse_url($this->url, PHP_URL_SCHEME));
        if (!in_array($scheme, ['http', 'https'], true) || (string) parse_url($this->url, PHP_URL_HOST) === '') {
            throw new InvalidSetting("RELAY_INTERNAL_URL takes http://host:port, https://host:port or unix:/path, not \"$url\"");
        }
        $this->base = $this->url;
    }

    /** As it was given: for texts, and to tell one relay's breaker from another's. */
    public function url(): string
    {
        return $this->url;
    }

    /** What a request's path is appended to. */
    public function base(): string
    {
        return $this->base;
    }

    /** The Unix socket's path, '' over TCP. */
    public function socket(): string
    {
        return $this->socket;
    }
}
