<?php

declare(strict_types=1);

use MessagingSite\Refused;

/** @var MessagingSite\Site $site */
$site = require __DIR__ . '/bootstrap.php';
$settings = $site->settings();

$userId = $site->session()->userId();
$user = $userId === null ? null : $site->conversations()->getUser($userId);
if ($user === null) {
    header('Location: login.php', true, 303);
    exit;
}

$variant = ($_GET['variant'] ?? '') === 'socket' ? 'socket' : 'ajax';
$openId = ctype_digit((string) ($_GET['conversation'] ?? '')) ? (int) $_GET['conversation'] : null;
try {
    $messages = $openId === null ? [] : $site->messaging()->getMessagesForConversation($openId, $userId);
} catch (Refused $e) {
    $openId = null;
    $messages = [];
}

$relayUrl = $settings->relayPublicUrl($site->request()->isHttps(), $site->request()->host());
$socketIoUrl = $settings->socketIoUrl($relayUrl);

// The page's data is a block of JSON, not markup: its flags keep a name or a message from ending the script element,
// and the one place that turns text into a document is messaging.js, which only ever sets textContent.
$data = $site->json([
    'user' => $user,
    'variant' => $variant,
    'relayUrl' => $relayUrl,
    'conversations' => $site->conversations()->getAllConversations($userId),
    'openId' => $openId,
    'messages' => $messages,
]);

$site->sendPageHeaders($relayUrl, $socketIoUrl);
?>
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
  <meta name="color-scheme" content="light dark">
  <meta name="theme-color" content="#f4efe8" media="(prefers-color-scheme: light)">
  <meta name="theme-color" content="#17171c" media="(prefers-color-scheme: dark)">
<?php if ($settings->sendsToken()): ?>
  <meta name="relay-token" content="<?= $site->html($site->tokens()->client($userId)) ?>">
<?php endif ?>
  <title>Messages</title>
  <link rel="icon" href="photos/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="messaging.css">
</head>
<body>
  <a class="skip" href="#text">Skip to the message box</a>
  <div class="app" id="app" data-view="list">
    <aside class="sidebar" aria-label="Conversations">
      <header class="bar">
        <span id="me" class="me"></span>
        <form method="post" action="logout.php"><button class="quiet" type="submit">Log out</button></form>
      </header>
      <form class="search" role="search" id="search" autocomplete="off">
        <label class="hidden" for="search-term">Find people</label>
        <input id="search-term" type="search" placeholder="Find people…" maxlength="64" aria-controls="search-results">
        <ul id="search-results" class="results" aria-label="People found" hidden></ul>
      </form>
      <h1 class="heading">Messages <span id="unread-count" class="count" hidden></span></h1>
      <ul id="conversations" class="conversations"></ul>
    </aside>
    <main class="conversation" id="conversation" aria-label="Conversation">
      <p id="notice" class="notice" role="status" hidden></p>
      <p class="empty" id="empty">Pick a conversation, or find somebody to write to.</p>
      <section class="open" id="open" hidden>
        <header class="bar">
          <a class="back" id="back" href="messaging.php" aria-label="Back to all conversations">‹</a>
          <span id="peer-photo"></span>
          <div class="peer">
            <h2 id="peer-name" class="peer-name"></h2>
            <p id="peer-state" class="peer-state"></p>
          </div>
        </header>
        <div class="scroll" id="scroll" tabindex="0" role="region" aria-label="Messages of this conversation">
          <button class="quiet earlier" id="earlier" type="button" hidden>Earlier messages</button>
          <ol id="messages" class="messages" role="log" aria-live="polite" aria-label="Messages"></ol>
        </div>
        <p id="typing" class="typing" role="status"></p>
        <form id="composer" class="composer">
          <label class="hidden" for="text">Message</label>
          <textarea id="text" rows="1" placeholder="Write a message" maxlength="<?= MessagingSite\Messaging::MAX_LENGTH ?>"
            aria-describedby="composer-state" enterkeyhint="send"></textarea>
          <button id="send" class="send" type="submit">Send</button>
          <p id="composer-state" class="composer-state" role="status"></p>
        </form>
      </section>
    </main>
  </div>
  <noscript><p class="notice">This page needs JavaScript to show messages as they come.</p></noscript>
  <script type="application/json" id="page-data"><?= $data ?></script>
  <script src="<?= $site->html($socketIoUrl) ?>"></script>
<?php if ($settings->includesRelayClient()): ?>
  <script src="<?= $site->html($relayUrl) ?>/relay-client.js" data-token-url="ajax/relay-token.php"></script>
<?php endif ?>
  <script src="messaging.js"></script>
</body>
</html>
