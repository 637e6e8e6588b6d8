<?php

declare(strict_types=1);

namespace RelayBridge;

/** The settings that a site and bin/outbox read from environment variables; each failure names its variable. */
final class Environment
{
    private $variables;

    /** @param array|null $variables name => value; null: the process's environment, also as PHP-FPM's `env[]` gives it */
    public function __construct(?array $variables = null)
    {
        $this->variables = $variables ?? getenv() + $_ENV;
    }

    /**
     * RELAY_SECRET, or the content of the file that RELAY_SECRET_FILE names.
     *
     * @throws InvalidSetting
     */
    public function secret(): string
    {
        $secret = $this->valueOrFile('RELAY_SECRET');
        if ($secret === '') {
            throw new InvalidSetting('RELAY_SECRET is not set: the same value as the relay\'s, or RELAY_SECRET_FILE with a file that holds it');
        }
        if (strlen($secret) < 32) {
            throw new InvalidSetting('RELAY_SECRET is too short: at least 32 bytes');
        }
        return $secret;
    }

    /**
     * Those to verify the relay's tokens with: RELAY_SECRET, then RELAY_PREVIOUS_SECRET where set.
     *
     * @return string[]
     * @throws InvalidSetting
     */
    public function secrets(): array
    {
        return array_values(array_filter([$this->secret(), $this->valueOrFile('RELAY_PREVIOUS_SECRET')], 'strlen'));
    }

    /** @throws InvalidSetting */
    public function internalUrl(): string
    {
        return $this->required('RELAY_INTERNAL_URL', 'http://host:port, https://host:port or unix:/path');
    }

    /** @throws InvalidSetting */
    public function publicUrl(): string
    {
        return $this->required('RELAY_PUBLIC_URL', 'the address that browsers reach the relay by, as https://chat.example:3000');
    }

    /**
     * A connection of its own that throws on errors, by SITE_DB_DSN, SITE_DB_USER and SITE_DB_PASSWORD.
     *
     * @throws InvalidSetting
     * @throws DatabaseFailed where the database cannot be reached
     */
    public function database(): \PDO
    {
        $dsn = $this->databaseSource();
        if (!extension_loaded('pdo_mysql')) {
            throw new InvalidSetting('SITE_DB_DSN needs the PHP extension pdo_mysql');
        }
        $options = [\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION, \PDO::ATTR_TIMEOUT => 5];
        try {
            return new \PDO($dsn, $this->value('SITE_DB_USER'), $this->value('SITE_DB_PASSWORD'), $options);
        } catch (\PDOException $e) {
            throw new DatabaseFailed('no connection by SITE_DB_DSN, SITE_DB_USER, SITE_DB_PASSWORD: ' . $e->getMessage(), 0, $e);
        }
    }

    /** @throws InvalidSetting */
    public function databaseSource(): string
    {
        return $this->required('SITE_DB_DSN', 'a PDO data source, as mysql:host=127.0.0.1;dbname=site;charset=utf8mb4');
    }

    /** '' where unset or empty. */
    public function value(string $name): string
    {
        $value = $this->variables[$name] ?? '';
        return is_string($value) ? $value : '';
    }

    private function required(string $name, string $takes): string
    {
        $value = $this->value($name);
        if ($value === '') {
            throw new InvalidSetting("$name is not set: $takes");
        }
        return $value;
    }

    private function valueOrFile(string $name): string
    {
        $value = $this->value($name);
        $file = $this->value($name . '_FILE');
        if ($file === '') {
            return $value;
        }
        if ($value !== '') {
            throw new InvalidSetting("$name and {$name}_FILE are both set: keep one");
        }
        $content = is_readable($file) ? file_get_contents($file) : false;
        if ($content === false) {
            throw new InvalidSetting("{$name}_FILE: cannot read $file");
        }
        return trim($content);
    }
}
