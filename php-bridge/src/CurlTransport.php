<?php

declare(strict_types=1);

namespace RelayBridge;

/** One kept handle, so that a drain's many calls share a connection. */
final class CurlTransport implements Transport
{
    // CURLE_* of certificates and handshakes: peer failed verification, connect error, bad CA file, issuer, pinned key.
    private const TLS_ERRORS = [35, 51, 53, 54, 58, 59, 60, 64, 66, 77, 80, 82, 83, 90, 91];

    private $endpoint;
    private $timeoutMs;
    private $handle;

    public function __construct(Endpoint $endpoint, int $timeoutMs)
    {
        $this->endpoint = $endpoint;
        $this->timeoutMs = $timeoutMs;
    }

    public function post(string $path, string $body, array $headers, int $atMostMs = PHP_INT_MAX): HttpAnswer
    {
        $this->handle = $this->handle ?? curl_init();
        $retryAfter = '';
        curl_setopt_array($this->handle, $this->options($path, $body, $headers, min($this->timeoutMs, $atMostMs)) + [
            CURLOPT_HEADERFUNCTION => static function ($handle, string $line) use (&$retryAfter): int {
                if (strncasecmp($line, 'retry-after:', 12) === 0) {
                    $retryAfter = trim(substr($line, 12));
                }
                return strlen($line);
            },
        ]);
        $answer = curl_exec($this->handle);
        if (!is_string($answer)) {
            throw $this->failure(curl_errno($this->handle), curl_error($this->handle));
        }
        return new HttpAnswer((int) curl_getinfo($this->handle, CURLINFO_RESPONSE_CODE), $answer, $retryAfter);
    }

    private function options(string $path, string $body, array $headers, int $timeoutMs): array
    {
        $options = [
            CURLOPT_URL => $this->endpoint->base() . $path,
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            // Without the empty Expect, curl waits up to a second for a "100 Continue" on larger bodies.
            CURLOPT_HTTPHEADER => array_merge($headers, ['Expect:']),
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false,
            // Below one second the resolver's alarm signal would cut every call off at once.
            CURLOPT_NOSIGNAL => true,
            CURLOPT_CONNECTTIMEOUT_MS => $timeoutMs,
            CURLOPT_TIMEOUT_MS => $timeoutMs,
            // A proxy of the environment is for the world outside, never for the internal listener.
            CURLOPT_PROXY => '',
        ];
        if (defined('CURLOPT_QUICK_EXIT')) {
            // Else curl waits at the end for a name server that is silent, whatever the time limit.
            $options[CURLOPT_QUICK_EXIT] = true;
        }
        if ($this->endpoint->socket() !== '') {
            $options[CURLOPT_UNIX_SOCKET_PATH] = $this->endpoint->socket();
        }
        return $options;
    }

    private function failure(int $number, string $message): TransportFailed
    {
        $text = $this->endpoint->url() . ': ' . $message;
        if ($number === CURLE_OPERATION_TIMEDOUT) {
            return new TransportFailed('timeout', $text);
        }
        return new TransportFailed(in_array($number, self::TLS_ERRORS, true) ? 'tls_failed' : 'unreachable', $text);
    }
}
