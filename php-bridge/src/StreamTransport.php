<?php

declare(strict_types=1);

namespace RelayBridge;

/**
 * For a PHP without curl. Speaks HTTP/1.0, so that the answer ends where the connection does. The time limit
 * holds for everything but the resolving of a host name, which PHP cannot bound: use an address or a Unix socket.
 */
final class StreamTransport implements Transport
{
    private $endpoint;
    private $timeoutMs;

    public function __construct(Endpoint $endpoint, int $timeoutMs)
    {
        $this->endpoint = $endpoint;
        $this->timeoutMs = $timeoutMs;
    }

    public function post(string $path, string $body, array $headers, int $atMostMs = PHP_INT_MAX): HttpAnswer
    {
        $deadline = microtime(true) + min($this->timeoutMs, $atMostMs) / 1000;
        $url = parse_url($this->endpoint->base());
        $request = implode("\r\n", array_merge(
            ['POST ' . ($url['path'] ?? '') . $path . ' HTTP/1.0', 'Host: ' . $url['host'], 'Connection: close'],
            $headers,
            ['Content-Length: ' . strlen($body), '', '']
        )) . $body;
        $stream = $this->connect($url, $deadline);
        try {
            stream_set_blocking($stream, false);
            $this->write($stream, $request, $deadline);
            return $this->parse($this->read($stream, $deadline));
        } finally {
            fclose($stream);
        }
    }

    /** @return resource */
    private function connect(array $url, float $deadline)
    {
        $address = ($url['scheme'] === 'https' ? 'tls://' : 'tcp://') . $url['host']
            . ':' . ($url['port'] ?? ($url['scheme'] === 'https' ? 443 : 80));
        if ($this->endpoint->socket() !== '') {
            $address = 'unix://' . $this->endpoint->socket();
        }
        $stream = @stream_socket_client($address, $number, $message, max(0.001, $deadline - microtime(true)));
        if ($stream === false) {
            $reason = microtime(true) >= $deadline ? 'timeout' : 'unreachable';
            throw new TransportFailed($reason, $this->endpoint->url() . ': ' . $message);
        }
        return $stream;
    }

    private function write($stream, string $bytes, float $deadline): void
    {
        while ($bytes !== '') {
            $this->await([], [$stream], $deadline);
            $written = @fwrite($stream, $bytes);
            if ($written === false || ($written === 0 && feof($stream))) {
                throw new TransportFailed('unreachable', $this->endpoint->url() . ': closed while sending');
            }
            $bytes = (string) substr($bytes, $written);
        }
    }

    private function read($stream, float $deadline): string
    {
        $bytes = '';
        while (!feof($stream)) {
            $chunk = fread($stream, 65536);
            if ($chunk === '' || $chunk === false) {
                $this->await([$stream], [], $deadline);
                continue;
            }
            $bytes .= $chunk;
        }
        return $bytes;
    }

    private function await(array $read, array $write, float $deadline): void
    {
        $left = $deadline - microtime(true);
        $except = null;
        // At most 50 ms a turn: TLS may hold decrypted bytes that select() does not see.
        if ($left <= 0 || @stream_select($read, $write, $except, 0, (int) (min($left, 0.05) * 1e6)) === false) {
            throw new TransportFailed('timeout', $this->endpoint->url() . ': no answer in time');
        }
    }

    private function parse(string $answer): HttpAnswer
    {
        $parts = explode("\r\n\r\n", $answer, 2);
        if (count($parts) !== 2 || preg_match('#^HTTP/1\.[01] (\d{3})#', $parts[0], $status) !== 1) {
            throw new TransportFailed('unreachable', $this->endpoint->url() . ': closed without an HTTP answer');
        }
        $retryAfter = preg_match('/^retry-after: *(\d+)\s*$/mi', $parts[0], $match) === 1 ? $match[1] : '';
        return new HttpAnswer((int) $status[1], $parts[1], $retryAfter);
    }
}
