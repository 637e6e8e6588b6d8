<?php

declare(strict_types=1);

namespace RelayBridge;

final class BackendAnswer
{
    private $status;
    private $body;
    private $json;

    /** @throws \Throwable where the body is no JSON: while its status can still be another */
    public function __construct(int $status, array $body)
    {
        $this->status = $status;
        $this->body = $body;
        $this->json = $this->encoded($body);
    }

    public function status(): int
    {
        return $this->status;
    }

    public function body(): array
    {
        return $this->body;
    }

    public function json(): string
    {
        return $this->json;
    }

    /** One row of old text in another charset must not hide a whole history: its bad bytes become U+FFFD. */
    private function encoded(array $body): string
    {
        $json = json_encode($body, JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION | JSON_INVALID_UTF8_SUBSTITUTE);
        if ($json === false) {
            throw new \UnexpectedValueException('the answer is no JSON: ' . json_last_error_msg());
        }
        return $json;
    }
}
