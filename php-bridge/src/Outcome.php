<?php

declare(strict_types=1);

namespace RelayBridge;

/** What became of one notification. Built from the relay's answer, or from what kept it from answering. */
final class Outcome
{
    // A repeat of these would be refused again; everything else may pass later.
    private const REFUSALS = ['invalid_body', 'invalid_json', 'unknown_conversation', 'payload_too_large', 'unencodable', 'invalid_notification'];

    private const BACKEND_CODES = ['backend_unavailable', 'backend_refused'];

    private $status;
    private $answer;
    private $retryAfter;

    /**
     * @param int $status HTTP status; 0 where there was no answer
     * @param array $answer decoded body; a failure has `error: {code, message, details?}`
     * @param int|null $retryAfter seconds, from the header
     */
    public function __construct(int $status, array $answer, $retryAfter = null)
    {
        $this->status = $status;
        $this->answer = $answer;
        $this->retryAfter = $retryAfter;
    }

    /** The relay has it in every recipient's inbox. */
    public function isAccepted(): bool
    {
        return $this->status === 200 && !isset($this->answer['error']);
    }

    /** All recipients had it already; nobody is shown it twice. */
    public function isDuplicate(): bool
    {
        return ($this->answer['duplicate'] ?? false) === true;
    }

    /** @return string[] recipients with at least one live socket */
    public function delivered(): array
    {
        return array_map('strval', (array) ($this->answer['delivered'] ?? []));
    }

    /** @return string[] recipients without one: those to e-mail */
    public function offline(): array
    {
        return array_map('strval', (array) ($this->answer['offline'] ?? []));
    }

    public function status(): int
    {
        return $this->status;
    }

    /**
     * '' when accepted; the relay's `error.code`; or `timeout`, `unreachable`, `tls_failed`, `breaker_open`, `no_time`, `client_failed`,
     * `unencodable`, `invalid_notification`, `bad_answer`, `http_<status>`.
     */
    public function code(): string
    {
        if ($this->isAccepted()) {
            return '';
        }
        $code = $this->answer['error']['code'] ?? null;
        return is_string($code) && $code !== '' ? $code : 'http_' . $this->status;
    }

    public function message(): string
    {
        $message = $this->answer['error']['message'] ?? '';
        return is_string($message) ? $message : '';
    }

    /** @return array of {path, message}, one for each bad field */
    public function details(): array
    {
        return (array) ($this->answer['error']['details'] ?? []);
    }

    /** Whether the same notification may be accepted later. */
    public function isRetryable(): bool
    {
        return !$this->isAccepted() && $this->status !== 413 && !in_array($this->code(), self::REFUSALS, true);
    }

    /** Whether the relay answered that PHP's own backend did not tell it who is in the conversation. */
    public function isOfTheBackend(): bool
    {
        return in_array($this->code(), self::BACKEND_CODES, true);
    }

    /** @return int|null seconds that the relay asked to wait */
    public function retryAfter()
    {
        return $this->retryAfter;
    }

    public function answer(): array
    {
        return $this->answer;
    }

    /** @throws NotifyFailed unless accepted */
    public function orThrow(): self
    {
        if (!$this->isAccepted()) {
            throw new NotifyFailed($this);
        }
        return $this;
    }
}
