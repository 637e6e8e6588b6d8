<?php

declare(strict_types=1);

// For `php -S` only (`php -S 127.0.0.1:8080 -t php-bridge/site php-bridge/site/router.php`): what .htaccess does under
// Apache, and the Socket.IO client that the old page took from a CDN, from the file named by SITE_SOCKETIO_FILE.
$path = (string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

if ($path === '/vendor/socket.io-4.4.0.min.js' && is_file((string) getenv('SITE_SOCKETIO_FILE'))) {
    header('Content-Type: text/javascript; charset=utf-8');
    header('Cache-Control: max-age=86400');
    readfile((string) getenv('SITE_SOCKETIO_FILE'));
    return true;
}
if (preg_match('~\A/(ajax/[a-z-]+|index|login|logout|messaging|relay-backend)\.php\z~', $path) === 1
    || preg_match('~\A/(photos/[a-z]+\.svg|messaging\.(js|css))?\z~', $path) === 1) {
    return false;
}
http_response_code(404);
header('Content-Type: text/plain; charset=utf-8');
echo "There is no such page.\n";
return true;
