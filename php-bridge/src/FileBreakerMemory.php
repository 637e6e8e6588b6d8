<?php

declare(strict_types=1);

namespace RelayBridge;

/**
 * A file in a folder that only this system user can write, since anybody may put links into the system's
 * temporary folder. Where that cannot be had, the state lives as long as the request.
 */
final class FileBreakerMemory implements BreakerMemory
{
    private $file;
    private $state = ['failures' => 0, 'until' => 0.0];

    /** @param string $folder '' for the system's temporary folder */
    public function __construct(string $relayUrl, string $folder = '')
    {
        $own = ($folder === '' ? sys_get_temp_dir() : $folder) . '/relay-bridge-' . $this->user();
        $file = $own . '/' . hash('sha256', $relayUrl) . '.json';
        $this->file = $this->isSafe($own, $file) ? $file : '';
    }

    public function read(): array
    {
        if ($this->file === '' || !is_file($this->file)) {
            return $this->state;
        }
        return $this->parse((string) @file_get_contents($this->file));
    }

    public function update(callable $change): void
    {
        $handle = $this->file === '' ? false : @fopen($this->file, 'c+');
        if ($handle === false) {
            $this->state = $change($this->state);
            return;
        }
        flock($handle, LOCK_EX);
        $state = $change($this->parse((string) stream_get_contents($handle)));
        rewind($handle);
        // Always of one length, so that a reader without the lock never sees half of a longer one.
        fwrite($handle, sprintf('{"failures":%10d,"until":%17.6F}', min($state['failures'], 999999999), $state['until']));
        fclose($handle);
    }

    private function parse(string $json): array
    {
        $state = json_decode($json, true);
        return is_array($state) && isset($state['failures'], $state['until'])
            ? ['failures' => (int) $state['failures'], 'until' => (float) $state['until']]
            : ['failures' => 0, 'until' => 0.0];
    }

    private function isSafe(string $folder, string $file): bool
    {
        // Beyond open_basedir each look is a warning, and not even @ keeps a site's error handler from throwing on it.
        set_error_handler(static function (): bool {
            return true;
        });
        try {
            return $this->isOurs($folder) && !is_link($file);
        } catch (\Throwable $e) {
            return false;
        } finally {
            restore_error_handler();
        }
    }

    private function isOurs(string $folder): bool
    {
        if (!is_dir($folder) && (!is_writable(dirname($folder)) || (!mkdir($folder, 0700) && !is_dir($folder)))) {
            return false;
        }
        return !is_link($folder) && is_writable($folder) && $this->isClosedToOthers($folder)
            && (!function_exists('posix_geteuid') || fileowner($folder) === posix_geteuid());
    }

    /** Windows has a temporary folder for each user, and no such bits. */
    private function isClosedToOthers(string $folder): bool
    {
        return PHP_OS_FAMILY === 'Windows' || (fileperms($folder) & 0077) === 0;
    }

    private function user(): string
    {
        return function_exists('posix_geteuid') ? (string) posix_geteuid() : 'php';
    }
}
