<?php

declare(strict_types=1);

namespace RelayBridge;

final class BackendAnswer
{
    private $status;
    private $body;

    public function __construct(int $status, array $body)
    {
        $this->status = $status;
        $this->body = $body;
    }

    public function status(): int
    {
        return $this->status;
    }

    public function body(): array
    {
        return $this->body;
    }

    /** One row of old text in another charset must not hide a whole history: its bad bytes become U+FFFD. */
    public function json(): string
    {
        $flags = JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION | JSON_INVALID_UTF8_SUBSTITUTE;
        $json = json_encode($this->body, $flags);
        return $json === false ? '{"error":{"code":"internal","message":"the answer is no JSON"}}' : $json;
    }
}
