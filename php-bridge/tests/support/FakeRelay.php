<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

/** The relay's internal listener as the contract has it, on a real socket, made to fail at will. */
final class FakeRelay
{
    private $server;
    private $url;
    private $address;

    /**
     * @param string $socket a Unix socket's path; '' for TCP
     * @param string $pem a file with certificate and key, for TLS
     */
    public function __construct(string $secret, string $socket = '', string $pem = '')
    {
        $address = $socket === '' ? ($pem === '' ? 'tcp' : 'tls') . '://127.0.0.1:0' : "unix://$socket";
        $this->server = new Child([PHP_BINARY, __DIR__ . '/fake-relay-server.php', $address, 'tcp://127.0.0.1:0', $secret, $pem]);
        $this->server->waitFor("\n");
        list($main, $this->url) = explode(' ', trim($this->server->out()));
        $this->address = $socket === '' ? ($pem === '' ? 'http' : 'https') . "://$main" : "unix:$socket";
    }

    /** For the client under test. */
    public function address(): string
    {
        return $this->address;
    }

    /** @param array $state as in fake-relay-server.php */
    public function behave(array $state): void
    {
        $this->control('state', $state);
    }

    /** @return array[] every notification seen: {id, conversation, taken, duplicate, batch, request_id, error} */
    public function log(): array
    {
        return $this->control('log', []);
    }

    /** @return string[] ids taken, in order, repeats included */
    public function taken(): array
    {
        return array_column(array_filter($this->log(), static function (array $entry): bool {
            return $entry['taken'];
        }), 'id');
    }

    public function stop(): void
    {
        $this->server->kill();
    }

    private function control(string $what, array $body): array
    {
        $context = stream_context_create(['http' => ['method' => 'POST', 'content' => json_encode($body), 'header' => 'Content-Type: application/json']]);
        return json_decode(file_get_contents("http://$this->url/$what", false, $context), true);
    }
}
