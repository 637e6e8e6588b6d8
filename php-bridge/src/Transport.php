<?php

declare(strict_types=1);

namespace RelayBridge;

/** One HTTP POST with a time limit on all of it. TLS certificates are always verified; there is no switch. */
interface Transport
{
    /**
     * @param string[] $headers "Name: value"
     * @param int $atMostMs where less is left than the transport's own limit
     * @throws TransportFailed where there is no whole answer in time
     */
    public function post(string $path, string $body, array $headers, int $atMostMs = PHP_INT_MAX): HttpAnswer;
}
