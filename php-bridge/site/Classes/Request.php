<?php

declare(strict_types=1);

namespace MessagingSite;

/** What the site needs to know of one HTTP request. */
final class Request
{
    private $server;

    /** @param array $server as $_SERVER */
    public function __construct(array $server)
    {
        $this->server = $server;
    }

    public function isHttps(): bool
    {
        return !in_array(strtolower($this->get('HTTPS')), ['', 'off'], true);
    }

    public function host(): string
    {
        return $this->get('HTTP_HOST');
    }

    /**
     * Cross-site request forgery, the second lock beside the SameSite cookie. Browsers say where a request was made
     * and no page can make them lie; what says nothing is no browser, and carries nobody's cookies but its own.
     */
    public function assertOwnPost(): void
    {
        if ($this->get('REQUEST_METHOD') !== 'POST') {
            throw new Refused('Only POST is answered here.', 405);
        }
        $site = $this->get('HTTP_SEC_FETCH_SITE');
        $origin = $this->get('HTTP_ORIGIN');
        $host = (string) preg_replace('~\Ahttps?://~i', '', $origin);
        if ($site !== '' ? $site !== 'same-origin' : ($origin !== '' && strcasecmp($host, $this->host()) !== 0)) {
            throw new Refused('This was sent from another site.', 403);
        }
    }

    private function get(string $name): string
    {
        return (string) ($this->server[$name] ?? '');
    }
}
