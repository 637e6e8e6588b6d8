<?php

declare(strict_types=1);

/** @var MessagingSite\Site $site */
$site = require __DIR__ . '/bootstrap.php';
$site->sendPageHeaders();

$open = $site->settings()->allowsDemoLogin();
$chosen = filter_var($_GET['user'] ?? null, FILTER_VALIDATE_INT);
$user = $open && $chosen !== false ? $site->conversations()->getUser($chosen) : null;
if ($user !== null) {
    $site->session()->logIn($user['user_id']);
    header('Location: messaging.php' . (($_GET['variant'] ?? '') === 'socket' ? '?variant=socket' : ''), true, 303);
    exit;
}
$people = $open ? $site->conversations()->getAllUsers() : [];
http_response_code($open ? ($chosen === false ? 200 : 404) : 403);
?>
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Log in</title>
  <link rel="icon" href="photos/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="messaging.css">
</head>
<body>
  <main class="door">
    <div class="card">
<?php if ($open): ?>
      <h1>Who are you today?</h1>
      <p>A demo: pick anybody. For two people at once, use a second browser or a private window.</p>
      <ul>
<?php foreach ($people as $person): ?>
        <li><a href="login.php?user=<?= $person['user_id'] ?>">
          <span class="photo" aria-hidden="true">
<?php if ($person['photo'] !== ''): ?>
            <img class="face" src="<?= $site->html($person['photo']) ?>" alt="">
<?php else: ?>
            <span class="face"><?= $site->html(preg_replace('/(?<=\pL)\pL+|\PL+/u', '', $person['username'])) ?></span>
<?php endif ?>
          </span>
          <?= $site->html($person['username']) ?>
        </a></li>
<?php endforeach ?>
      </ul>
<?php else: ?>
      <h1>You are not logged in</h1>
      <p>Logging in by picking a name is switched off here. SITE_DEMO_LOGIN=1 switches it on, for a demo only.</p>
<?php endif ?>
    </div>
  </main>
</body>
</html>
