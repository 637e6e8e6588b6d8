<?php

declare(strict_types=1);

namespace MessagingSite;

use PDO;
use RelayBridge\Environment;
use RelayBridge\HttpRelayClient;
use RelayBridge\Notification;
use RelayBridge\Outbox;
use RelayBridge\RelayClient;
use RelayBridge\TokenIssuer;
use RelayBridge\TokenVerifier;

/** Puts the site together for one request. Nothing is connected to before a page asks for it. */
final class Site
{
    private $environment;
    private $request;
    private $database;
    private $relay;

    /** @param RelayClient|null $relay null: the one that the environment names; given by tests */
    public function __construct(Environment $environment, Request $request, ?RelayClient $relay = null)
    {
        $this->environment = $environment;
        $this->request = $request;
        $this->relay = $relay;
    }

    public function settings(): Settings
    {
        return new Settings($this->environment);
    }

    public function request(): Request
    {
        return $this->request;
    }

    public function session(): Session
    {
        return new Session($this->request->isHttps());
    }

    public function messaging(): Messaging
    {
        return new Messaging($this->database());
    }

    public function conversations(): Conversations
    {
        return new Conversations($this->database());
    }

    public function tokens(): TokenIssuer
    {
        return new TokenIssuer($this->environment->secret());
    }

    public function tokenVerifier(): TokenVerifier
    {
        return new TokenVerifier($this->environment->secrets());
    }

    /**
     * Saves a message and, where the relay is up, has it delivered at once. Where it is not, the message is saved all
     * the same and bin/outbox hands it over later.
     *
     * @return array the message
     */
    public function send(int $conversationId, int $senderId, string $content): array
    {
        $outbox = $this->outbox();
        $message = $this->messaging()->sendMessage(
            $conversationId,
            $senderId,
            $content,
            static function (array $message, array $memberIds) use ($outbox): void {
                $outbox->add(new Notification($message, $memberIds));
            }
        );
        $outbox->flushAfterResponse();
        return $message;
    }

    /**
     * Nobody is logged in any more, and other tabs get nothing more: their sockets would outlive the session. It goes
     * first, so that none of them comes back by it, and so that it is gone also where the relay is away.
     */
    public function logOut(): void
    {
        $userId = $this->session()->userId();
        $this->session()->logOut();
        if ($userId === null) {
            return;
        }
        $outcome = $this->relay()->disconnect($userId);
        if (!$outcome->isAccepted()) {
            error_log("logout: the sockets of user $userId may still be open: " . $outcome->message());
        }
    }

    /** For an element's text or a quoted attribute. */
    public function html(string $text): string
    {
        return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
    }

    /** For a JSON answer, and safe within a script element too. */
    public function json(array $data): string
    {
        $json = json_encode($data, JSON_HEX_TAG | JSON_HEX_AMP | JSON_INVALID_UTF8_SUBSTITUTE);
        if ($json === false) {
            throw new \RuntimeException('Not encodable: ' . json_last_error_msg());
        }
        return $json;
    }

    /** Ends the request with JSON: `{"success": true, …}` with 200, or `{"success": false, "error"}` with a refusal's status. */
    public function answer(callable $work): void
    {
        header('Content-Type: application/json; charset=utf-8');
        header('Cache-Control: no-store');
        header('X-Content-Type-Options: nosniff');
        try {
            echo $this->json(['success' => true] + $work());
        } catch (Refused $e) {
            http_response_code($e->getCode());
            echo $this->json(['success' => false, 'error' => $e->getMessage()]);
        } catch (\Throwable $e) {
            error_log((string) $e);
            http_response_code(500);
            echo $this->json(['success' => false, 'error' => 'The site could not do this just now.']);
        }
    }

    /** The user of this request. A refusal where nobody is logged in. */
    public function requireUser(): int
    {
        $userId = $this->session()->userId();
        if ($userId === null) {
            throw new Refused('You are not logged in.', 401);
        }
        return $userId;
    }

    /** Only the site's own scripts and the relay's run in its pages, whatever a message or a name may contain. */
    public function sendPageHeaders(string ...$scriptUrls): void
    {
        $hosts = [];
        foreach ($scriptUrls as $url) {
            if (preg_match('~\A(https?)://([a-z0-9.\[\]:-]+)~i', $url, $part) === 1) {
                $hosts[] = "$part[1]://$part[2]";
                $hosts[] = ($part[1] === 'https' ? 'wss' : 'ws') . "://$part[2]";
            }
        }
        $relay = implode(' ', array_unique($hosts));
        header('Content-Type: text/html; charset=utf-8');
        header('Cache-Control: no-store');
        header('X-Content-Type-Options: nosniff');
        header('Referrer-Policy: same-origin');
        header("Content-Security-Policy: default-src 'self'; script-src 'self' $relay; connect-src 'self' $relay; "
            . "img-src 'self' https: data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'");
    }

    private function database(): Database
    {
        if ($this->database === null) {
            $pdo = $this->environment->database();
            $pdo->setAttribute(PDO::ATTR_EMULATE_PREPARES, false);
            $pdo->exec("SET NAMES utf8mb4, time_zone = '+00:00'");
            $this->database = new Database($pdo);
        }
        return $this->database;
    }

    private function outbox(): Outbox
    {
        return new Outbox($this->database()->pdo(), $this->relay());
    }

    private function relay(): RelayClient
    {
        return $this->relay ?? new HttpRelayClient($this->environment->internalUrl(), $this->tokens());
    }
}
