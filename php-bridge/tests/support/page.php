<?php

/*
 * A page that sends one message: page.php RELAY-URL ID CONVERSATION STOP, where STOP says after which step it says so and
 * waits for its end: "commit", "claim" (within the call to the relay), or "" for a page that runs through. "session" is
 * one whose session cannot be written at the end.
 */

declare(strict_types=1);

require __DIR__ . '/../../autoload.php';

list(, $url, $id, $conversation, $stop) = $argv;
if ($stop === 'session') {
    session_set_save_handler(new class extends SessionHandler {
        public function write($id, $data): bool
        {
            throw new RuntimeException('the disk is full');
        }
    }, false);
    session_start();
}
$pdo = (new RelayBridge\Environment())->database();
$tokens = new RelayBridge\TokenIssuer('a secret of more than 32 bytes, for tests');
$relay = new RelayBridge\HttpRelayClient($url, $tokens, $stop === 'claim' ? 60000 : 250, new RelayBridge\NoBreaker());
$outbox = new RelayBridge\Outbox($pdo, $relay);

$pdo->beginTransaction();
$pdo->prepare('INSERT INTO Messages (content) VALUES (?)')->execute(['hi']);
$outbox->add(new RelayBridge\Notification(['id' => (int) $id, 'conversation_id' => $conversation, 'content' => 'hi'], [17]));
$pdo->commit();
$outbox->flushAfterResponse();
echo "committed\n";
if ($stop === 'commit') {
    fgets(STDIN);
}
