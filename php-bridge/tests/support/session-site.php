<?php

/* Router of the session test's site: /login, /backend, and /warning for a backend whose site prints. */

declare(strict_types=1);

require __DIR__ . '/../../autoload.php';

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path === '/login') {
    session_start();
    $_SESSION['user_id'] = 17;
    echo session_id();
    return;
}

$identify = static function (array $session) use ($path) {
    if ($path === '/warning') {
        echo 'Warning: something old';
    }
    if (!isset($session['user_id'])) {
        return null;
    }
    $file = fopen(session_save_path() . '/sess_' . session_id(), 'r');
    $isLocked = !flock($file, LOCK_EX | LOCK_NB);
    return $isLocked || session_status() === PHP_SESSION_ACTIVE ? 'locked' : $session['user_id'];
};
$verifier = new RelayBridge\TokenVerifier(['a secret of more than 32 bytes, for tests']);
(new RelayBridge\Backend($verifier, ['identify' => $identify]))->serve();
