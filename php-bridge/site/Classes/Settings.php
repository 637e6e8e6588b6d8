<?php

declare(strict_types=1);

namespace MessagingSite;

/**
 * The environment, read and checked once. An empty variable counts as unset; RELAY_SECRET_FILE names a file that
 * holds RELAY_SECRET.
 *
 * SITE_DB_DSN, SITE_DB_USER, SITE_DB_PASSWORD   the database
 * RELAY_INTERNAL_URL, RELAY_SECRET              the relay as PHP reaches it
 * RELAY_PUBLIC_URL      the relay as browsers reach it; empty: the page's own origin; `:3000`: the page's host, that port
 * SITE_PROOF            what the page adds to the old one: `token` adds relay-client.js and a token; `claim` and
 *                       `session` (the default) need nothing in the page, the relay alone decides between them
 * SITE_RELAY_CLIENT=1   adds relay-client.js without a token
 * SITE_SOCKETIO_URL     where the Socket.IO client script is; default: the one that the relay serves
 * SITE_DEMO_LOGIN=1     login.php lets anybody be anybody
 */
final class Settings
{
    private $env;

    /** @param array $env as from getenv() */
    public function __construct(array $env)
    {
        $this->env = $env;
    }

    public function databaseDsn(): string
    {
        return $this->required('SITE_DB_DSN');
    }

    public function databaseUser(): string
    {
        return $this->get('SITE_DB_USER');
    }

    public function databasePassword(): string
    {
        return $this->get('SITE_DB_PASSWORD');
    }

    public function relayInternalUrl(): string
    {
        return $this->get('RELAY_INTERNAL_URL', 'http://127.0.0.1:3001');
    }

    public function relaySecret(): string
    {
        $file = $this->get('RELAY_SECRET_FILE');
        if ($file === '') {
            return $this->required('RELAY_SECRET');
        }
        $secret = is_readable($file) ? trim((string) file_get_contents($file)) : '';
        if ($secret === '') {
            throw new \RuntimeException("RELAY_SECRET_FILE: $file cannot be read or is empty.");
        }
        return $secret;
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

    /** A script of the relay's by its path, or the one named in SITE_SOCKETIO_URL. */
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
        $value = trim((string) ($this->env[$name] ?? ''));
        return $value === '' ? $default : $value;
    }

    private function required(string $name): string
    {
        $value = $this->get($name);
        if ($value === '') {
            throw new \RuntimeException("$name is not set.");
        }
        return $value;
    }
}
