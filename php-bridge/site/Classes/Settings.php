<?php

declare(strict_types=1);

namespace MessagingSite;

use RelayBridge\Environment;

/**
 * What the page reads of the environment, beside what RelayBridge\Environment does (SITE_DB_…, RELAY_INTERNAL_URL,
 * RELAY_SECRET). An empty variable counts as unset.
 *
 * RELAY_PUBLIC_URL      the relay as browsers reach it; empty: the page's own origin; `:3000`: the page's host, that port
 * SITE_PROOF            what the page adds to the old one: `token` adds relay-client.js and a token; `claim` and
 *                       `session` (the default) need nothing in the page, the relay alone decides between them
 * SITE_RELAY_CLIENT=1   adds relay-client.js without a token
 * SITE_SOCKETIO_URL     where the Socket.IO client script is; default: the one that the relay serves
 * SITE_DEMO_LOGIN=1     login.php lets anybody be anybody
 */
final class Settings
{
    private $environment;

    public function __construct(Environment $environment)
    {
        $this->environment = $environment;
    }

    /**
     * The relay's origin for a page that was asked for under this host; empty for the page's own origin.
     *
     * @param string $host the request's Host header
     */
    public function relayPublicUrl(bool $https, string $host): string
    {
        $url = rtrim($this->get('RELAY_PUBLIC_URL'), '/');
        if (preg_match('/\A:\d+\z/', $url) !== 1) {
            return $url;
        }
        // The Host header is the visitor's own word, so only something that looks like a host gets into the page.
        if (preg_match('/\A(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d+)?\z/i', $host, $match) !== 1) {
            return '';
        }
        return ($https ? 'https://' : 'http://') . $match[1] . $url;
    }

    public function socketIoUrl(string $relayUrl): string
    {
        return $this->get('SITE_SOCKETIO_URL', $relayUrl . '/socket.io/socket.io.min.js');
    }

    public function sendsToken(): bool
    {
        return $this->get('SITE_PROOF', 'session') === 'token';
    }

    public function includesRelayClient(): bool
    {
        return $this->sendsToken() || $this->get('SITE_RELAY_CLIENT') === '1';
    }

    public function allowsDemoLogin(): bool
    {
        return $this->get('SITE_DEMO_LOGIN') === '1';
    }

    private function get(string $name, string $default = ''): string
    {
        $value = trim($this->environment->value($name));
        return $value === '' ? $default : $value;
    }
}
