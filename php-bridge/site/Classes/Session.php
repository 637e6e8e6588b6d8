<?php

declare(strict_types=1);

namespace MessagingSite;

/** Who is logged in. PHP locks a session while it is open, so it is closed again before anything slow is done. */
final class Session
{
    /** Well below any session.gc_maxlifetime, whose default is 1440 s; most requests still only read. */
    private const WRITE_EVERY_SECONDS = 300;

    private $options;

    public function __construct(bool $https)
    {
        $this->options = ['use_strict_mode' => 1, 'cookie_httponly' => 1, 'cookie_secure' => $https ? 1 : 0];
        if (PHP_VERSION_ID >= 70300) {
            $this->options['cookie_samesite'] = 'Lax';
        } else {
            // PHP 7.2 has no name for it, and passes on what stands behind the path as it is.
            $this->options['cookie_path'] = '/; SameSite=Lax';
        }
    }

    public function userId(): ?int
    {
        // Without the cookie there is nothing to read, and a visitor who only looks need not be given a session.
        if (!isset($_COOKIE[session_name()])) {
            return null;
        }
        session_start(['read_and_close' => true] + $this->options);
        if (isset($_SESSION['user_id']) && time() - ($_SESSION['seen_at'] ?? 0) >= self::WRITE_EVERY_SECONDS) {
            $this->markSeen();
        }
        return isset($_SESSION['user_id']) ? (int) $_SESSION['user_id'] : null;
    }

    public function logIn(int $userId): void
    {
        session_start($this->options);
        // A new id: one that somebody planted before the login is worth nothing after it.
        session_regenerate_id(true);
        $_SESSION['user_id'] = $userId;
        session_write_close();
    }

    public function logOut(): void
    {
        session_start($this->options);
        $_SESSION = [];
        session_destroy();
        $cookie = session_get_cookie_params();
        // Without what PHP 7.2 was given behind it, which setcookie() refuses.
        $path = explode(';', $cookie['path'])[0];
        setcookie(session_name(), '', 1, $path, $cookie['domain'], $cookie['secure'], $cookie['httponly']);
    }

    /** PHP counts a session's age from its last write, and a reader that closes at once writes nothing. */
    private function markSeen(): void
    {
        session_start($this->options);
        // A logout may have come in between, and what it ended is not begun anew.
        if (!isset($_SESSION['user_id'])) {
            session_destroy();
            return;
        }
        $_SESSION['seen_at'] = time();
        session_write_close();
    }
}
