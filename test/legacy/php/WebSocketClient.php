<?php
declare(strict_types=1);

/**
 * A WebSocket client that behaves on the wire as the PHP libraries of old sites do (own code; the manners are those
 * of LEGACY's table). What a library does differently is one entry of LIBRARIES.
 */
final class WebSocketClient
{
    /**
     * names: header names in lower case or capitalised. answer: how the response to the upgrade is read.
     * fragment: bytes a frame carries at most.
     */
    private const LIBRARIES = [
        'textalk10' => ['names' => 'lower', 'answer' => 'while-unread', 'fragment' => 4096],
        'textalk16' => ['names' => 'lower', 'answer' => 'blank-line', 'fragment' => 4096],
        'phrity17' => ['names' => 'lower', 'answer' => 'line-by-line', 'fragment' => 4096],
        'phrity22' => ['names' => 'capital', 'answer' => 'line-by-line', 'fragment' => 4096],
        'fsockopen' => ['names' => 'capital', 'answer' => 'one-read', 'fragment' => 65000, 'origin' => '*', 'agent' => null],
        'fixed-key' => [
            'names' => 'capital', 'answer' => 'one-read', 'fragment' => 65000, 'agent' => null,
            'key' => 'asdasdaas76da7sd6asd6as7d',
        ],
        'elephant' => [
            'names' => 'capital', 'answer' => 'blank-line', 'fragment' => 65000, 'origin' => 'http://relay.example',
            'agent' => 'ElephantIO/5.0',
        ],
    ];

    private array $manner;
    private string $host;
    private int $port;
    private string $target;
    /** @var resource|null */
    private $stream = null;

    public function __construct(string $library, string $url)
    {
        $this->manner = self::LIBRARIES[$library] + ['origin' => null, 'agent' => 'websocket-client-php', 'key' => null];
        $parts = parse_url($url);
        $this->host = $parts['host'];
        $this->port = $parts['port'];
        $this->target = ($parts['path'] ?? '/') . (isset($parts['query']) ? '?' . $parts['query'] : '');
    }

    /** Connects on the first send, as they all do. */
    public function send(string $payload, string $opcode = 'text'): void
    {
        $this->connect();
        $pieces = str_split($payload, $this->manner['fragment']);
        foreach ($pieces as $index => $piece) {
            $isFirst = $index === 0;
            $isLast = $index === count($pieces) - 1;
            $this->write($this->frame($piece, $isFirst ? ['text' => 1, 'binary' => 2][$opcode] : 0, $isLast));
        }
    }

    /** One whole message, or an exception after the timeout. */
    public function receive(): string
    {
        $this->connect();
        [$opcode, $payload] = $this->readFrame();
        return $opcode === 8 ? throw new RuntimeException('closed by the server') : $payload;
    }

    /** Receives until a message begins with the prefix. */
    public function await(string $prefix): string
    {
        do {
            $message = $this->receive();
        } while (strncmp($message, $prefix, strlen($prefix)) !== 0);
        return $message;
    }

    /** Sends a close frame and waits for the answer. */
    public function close(): void
    {
        $this->write($this->frame(pack('n', 1000) . 'ttfn', 8, true));
        $this->readFrame();
        fclose($this->stream);
    }

    /** A bare FIN. */
    public function drop(): void
    {
        fclose($this->stream);
    }

    /** A reset instead of a FIN. The kernel throws away what it has not sent yet: for what was one write only. */
    public function reset(): void
    {
        $socket = socket_import_stream($this->stream);
        socket_set_option($socket, SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 0]);
        fclose($this->stream);
    }

    public function connect(): void
    {
        if ($this->stream !== null) {
            return;
        }
        $stream = @stream_socket_client("tcp://{$this->host}:{$this->port}", $errno, $error, 2.0);
        if ($stream === false) {
            throw new RuntimeException("cannot connect: $error");
        }
        stream_set_timeout($stream, 5);
        $this->stream = $stream;
        $key = $this->manner['key'] ?? base64_encode(random_bytes(16));
        $this->write($this->request($key));
        $answer = $this->readAnswer();
        if (!preg_match('#^HTTP/1\.1 101 #', $answer)) {
            throw new RuntimeException('refused: ' . strtok($answer, "\r\n"));
        }
        $accept = base64_encode(sha1($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11', true));
        if (stripos($answer, "Sec-WebSocket-Accept: $accept") === false) {
            throw new RuntimeException('the server does not know the key');
        }
    }

    private function request(string $key): string
    {
        $headers = [
            'Host' => "{$this->host}:{$this->port}",
            'User-Agent' => $this->manner['agent'],
            'Connection' => 'Upgrade',
            'Upgrade' => 'websocket',
            'Origin' => $this->manner['origin'],
            'Sec-WebSocket-Key' => $key,
            'Sec-WebSocket-Version' => '13',
        ];
        $lines = ["GET {$this->target} HTTP/1.1"];
        foreach ($headers as $name => $value) {
            if ($value !== null) {
                $lines[] = ($this->manner['names'] === 'lower' ? strtolower($name) : $name) . ": $value";
            }
        }
        return implode("\r\n", $lines) . "\r\n\r\n";
    }

    private function readAnswer(): string
    {
        switch ($this->manner['answer']) {
            case 'while-unread':
                // Goes on while PHP has unread bytes: what stands right behind the 101 without a line end hangs it.
                $answer = '';
                do {
                    $answer .= stream_get_line($this->stream, 1024, "\r\n") . "\r\n";
                    $state = stream_get_meta_data($this->stream);
                } while (!feof($this->stream) && $state['unread_bytes'] > 0 && !$state['timed_out']);
                return $answer;
            case 'blank-line':
                return (string) stream_get_line($this->stream, 4096, "\r\n\r\n");
            case 'line-by-line':
                // Never asks for the end of the stream: on a bare close it goes round for ever (here for 3 s).
                $answer = '';
                $until = microtime(true) + 3;
                do {
                    $line = fgets($this->stream, 1024);
                    $answer .= $line;
                    if (microtime(true) > $until) {
                        fwrite(STDERR, "SPINNING\n");
                        exit(3);
                    }
                } while ($line === false || rtrim($line) !== '');
                return $answer;
            default:
                return (string) fread($this->stream, 2000);
        }
    }

    private function frame(string $payload, int $opcode, bool $final): string
    {
        $length = strlen($payload);
        $head = chr(($final ? 0x80 : 0) | $opcode);
        if ($length < 126) {
            $head .= chr(0x80 | $length);
        } elseif ($length < 65536) {
            $head .= chr(0x80 | 126) . pack('n', $length);
        } else {
            $head .= chr(0x80 | 127) . pack('J', $length);
        }
        $mask = random_bytes(4);
        return $head . $mask . ($payload ^ str_pad('', $length, $mask));
    }

    /** @return array{int, string} opcode and payload of one frame (the relay does not split its own) */
    private function readFrame(): array
    {
        $head = $this->read(2);
        $length = ord($head[1]) & 0x7f;
        if ($length === 126) {
            $length = unpack('n', $this->read(2))[1];
        } elseif ($length === 127) {
            $length = unpack('J', $this->read(8))[1];
        }
        return [ord($head[0]) & 0x0f, $this->read($length)];
    }

    private function read(int $length): string
    {
        $data = '';
        while (strlen($data) < $length) {
            $piece = fread($this->stream, $length - strlen($data));
            if ($piece === false || $piece === '') {
                $why = stream_get_meta_data($this->stream)['timed_out'] ? 'nothing came for 5 s' : 'the connection ended';
                throw new RuntimeException("Empty read: $why");
            }
            $data .= $piece;
        }
        return $data;
    }

    private function write(string $data): void
    {
        if (fwrite($this->stream, $data) !== strlen($data)) {
            throw new RuntimeException('could not write all');
        }
    }
}
