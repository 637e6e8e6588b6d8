<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

final class Check
{
    public function same($expected, $actual, string $what = 'value'): void
    {
        if ($expected !== $actual) {
            throw new \LogicException("$what\nexpected " . $this->show($expected) . "\nactual   " . $this->show($actual));
        }
    }

    public function true(bool $holds, string $what): void
    {
        if (!$holds) {
            throw new \LogicException($what);
        }
    }

    public function contains(string $part, string $whole): void
    {
        $this->true(strpos($whole, $part) !== false, "\"$part\" is not in: $whole");
    }

    public function throws(string $class, callable $body): \Throwable
    {
        try {
            $body();
        } catch (\Throwable $e) {
            if ($e instanceof $class) {
                return $e;
            }
            throw $e;
        }
        throw new \LogicException("no $class was thrown");
    }

    /** Until it is true; fails after a time that only a hang takes. */
    public function eventually(callable $condition, string $what, float $seconds = 20): void
    {
        $end = microtime(true) + $seconds;
        while (!$condition()) {
            $this->true(microtime(true) < $end, "within $seconds s: $what");
            usleep(2000);
        }
    }

    private function show($value): string
    {
        return (string) json_encode($value, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PARTIAL_OUTPUT_ON_ERROR);
    }
}
