<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

/** A process started by a test. Its output is readable while it runs. */
final class Child
{
    private $process;
    private $pipes;
    private $out = '';
    private $err = '';
    private $status;

    /** @param string[] $command @param string[] $environment added to the test's own */
    public function __construct(array $command, array $environment = [])
    {
        // exec, so that the id is the command's own and a kill reaches it, on a PHP whose proc_open takes no list too.
        $line = 'exec ' . implode(' ', array_map('escapeshellarg', $command));
        $pipes = [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']];
        $this->process = proc_open($line, $pipes, $this->pipes, null, $environment + getenv());
        stream_set_blocking($this->pipes[1], false);
        stream_set_blocking($this->pipes[2], false);
    }

    public function out(): string
    {
        return $this->out .= (string) stream_get_contents($this->pipes[1]);
    }

    public function err(): string
    {
        return $this->err .= (string) stream_get_contents($this->pipes[2]);
    }

    public function isRunning(): bool
    {
        if ($this->status === null) {
            $state = proc_get_status($this->process);
            $this->status = $state['running'] ? null : $state['exitcode'];
        }
        return $this->status === null;
    }

    public function waitFor(string $text): void
    {
        (new Check())->eventually(function () use ($text): bool {
            if (strpos($this->out(), $text) !== false) {
                return true;
            }
            (new Check())->true($this->isRunning(), 'ended early: ' . $this->out() . $this->err());
            return false;
        }, "the process says \"$text\"");
    }

    /** @return int its exit status */
    public function wait(float $seconds = 60): int
    {
        (new Check())->eventually(function (): bool {
            $this->out();
            $this->err();
            return !$this->isRunning();
        }, 'the process ends', $seconds);
        return $this->status;
    }

    public function kill(int $signal = SIGKILL): void
    {
        if ($this->isRunning()) {
            proc_terminate($this->process, $signal);
            $this->wait();
        }
    }
}
