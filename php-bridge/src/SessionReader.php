<?php

declare(strict_types=1);

namespace RelayBridge;

/** Reads the PHP session that a browser's Cookie header names: no lock kept, no session made, no cookie sent. */
final class SessionReader
{
    private $name;

    /** @param string $name the site's session name; '' for PHP's setting */
    public function __construct(string $name = '')
    {
        $this->name = $name;
    }

    /** @return array $_SESSION as the site left it; empty where there is none */
    public function read(string $cookieHeader): array
    {
        $id = $this->idIn($cookieHeader);
        if ($id === '' || !$this->mayExist($id)) {
            return [];
        }
        if (session_status() === PHP_SESSION_ACTIVE) {
            session_abort();
        }
        session_name($this->sessionName());
        session_id($id);
        // Strict mode turns an id that no session has into a new one, which is how a made-up id is told.
        $started = session_start([
            'read_and_close' => true,
            'use_strict_mode' => true,
            'use_cookies' => false,
            'cache_limiter' => '',
        ]);
        $session = $started && session_id() === $id ? $_SESSION : [];
        $_SESSION = [];
        return $session;
    }

    private function sessionName(): string
    {
        return $this->name === '' ? (string) session_name() : $this->name;
    }

    private function idIn(string $cookieHeader): string
    {
        foreach (explode(';', $cookieHeader) as $pair) {
            $parts = explode('=', trim($pair), 2);
            // The first of several cookies of one name is the one that PHP itself takes.
            if (count($parts) === 2 && urldecode($parts[0]) === $this->sessionName()) {
                $id = urldecode($parts[1]);
                return preg_match('/^[A-Za-z0-9,-]{1,256}$/D', $id) === 1 ? $id : '';
            }
        }
        return '';
    }

    /** PHP's file handler would make an empty file for every id it is asked for, so its folder is looked at first. */
    private function mayExist(string $id): bool
    {
        if (ini_get('session.save_handler') !== 'files') {
            return true;
        }
        $parts = explode(';', (string) session_save_path());
        $folder = (string) end($parts);
        $depth = count($parts) > 1 ? (int) $parts[0] : 0;
        $folder = $folder === '' ? sys_get_temp_dir() : $folder;
        for ($level = 0; $level < min($depth, strlen($id)); $level++) {
            $folder .= '/' . $id[$level];
        }
        return is_file($folder . '/sess_' . $id);
    }
}
