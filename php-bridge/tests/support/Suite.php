<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

/** Runs tests as they are named, one line each, and undoes in reverse what they set up. */
final class Suite
{
    private $filter;
    private $passed = 0;
    private $failed = 0;
    private $skipped = 0;
    private $undo = [];
    private $shared = [];
    private $sharedUndo = [];

    public function __construct(string $filter)
    {
        $this->filter = $filter;
    }

    public function test(string $sentence, callable $body): void
    {
        if ($this->filter !== '' && stripos($sentence, $this->filter) === false) {
            return;
        }
        $start = microtime(true);
        try {
            $body(new Check());
            $error = null;
        } catch (\Throwable $e) {
            $error = $e;
        }
        $this->undone();
        if ($error === null) {
            $this->passed++;
            printf("ok    %s (%d ms)\n", $sentence, (microtime(true) - $start) * 1000);
            return;
        }
        if ($error instanceof Skipped) {
            $this->skipped++;
            printf("skip  %s: %s\n", $sentence, $error->getMessage());
            return;
        }
        $this->failed++;
        printf("FAIL  %s\n      %s\n      %s:%d\n", $sentence, str_replace("\n", "\n      ", $error->getMessage()), basename($error->getFile()), $error->getLine());
        foreach ($error->getTrace() as $frame) {
            if (isset($frame['file']) && dirname($frame['file']) === dirname(__DIR__) && basename($frame['file']) !== 'run.php') {
                printf("      at %s:%d\n", basename($frame['file']), $frame['line']);
            }
        }
    }

    /** After the present test. */
    public function after(callable $undo): void
    {
        $this->undo[] = $undo;
    }

    /** A folder that goes with the present test. */
    public function folder(): string
    {
        $folder = sys_get_temp_dir() . '/relay-bridge-test-' . bin2hex(random_bytes(6));
        mkdir($folder, 0700);
        $this->after(static function () use ($folder): void {
            (new Child(['rm', '-rf', $folder]))->wait();
        });
        return $folder;
    }

    /** Made once, when first asked for; ended after the last test. $make gives [value, undo]. */
    public function shared(string $name, callable $make)
    {
        if (!isset($this->shared[$name])) {
            list($this->shared[$name], $this->sharedUndo[]) = $make();
        }
        return $this->shared[$name];
    }

    public function cleanUp(): void
    {
        $this->undone();
        while (($undo = array_pop($this->sharedUndo)) !== null) {
            $undo();
        }
    }

    public function finish(): int
    {
        $this->cleanUp();
        printf("%d passed, %d failed%s\n", $this->passed, $this->failed, $this->skipped > 0 ? ", $this->skipped skipped" : '');
        return $this->failed === 0 && $this->passed > 0 ? 0 : 1;
    }

    private function undone(): void
    {
        while (($undo = array_pop($this->undo)) !== null) {
            $undo();
        }
    }
}
