<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

/** A private database server, or the one that TEST_DB_DSN names. */
final class MariaDb
{
    private $folder = '';
    private $server;
    private $socket = '';

    public function __construct()
    {
        if ((string) getenv('TEST_DB_DSN') === '') {
            $this->startOrStop();
        }
        $admin = new \PDO($this->server === null ? getenv('TEST_DB_DSN') : "mysql:unix_socket=$this->socket", $this->user(), $this->password());
        $admin->setAttribute(\PDO::ATTR_ERRMODE, \PDO::ERRMODE_EXCEPTION);
        $admin->exec('DROP DATABASE IF EXISTS relay_bridge_test');
        // The charset of old sites: nothing of the outbox may depend on it.
        $admin->exec('CREATE DATABASE relay_bridge_test CHARACTER SET latin1');
    }

    public function environment(): array
    {
        return ['SITE_DB_DSN' => $this->dsn(), 'SITE_DB_USER' => $this->user(), 'SITE_DB_PASSWORD' => $this->password()];
    }

    public function pdo(array $options = [\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION]): \PDO
    {
        return new \PDO($this->dsn(), $this->user(), $this->password(), $options);
    }

    public function mysqli(): \mysqli
    {
        preg_match_all('/(\w+)=([^;]*)/', $this->dsn(), $parts);
        $dsn = array_combine($parts[1], $parts[2]) + ['host' => null, 'port' => null, 'unix_socket' => null];
        mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
        return new \mysqli($dsn['host'], $this->user(), $this->password(), 'relay_bridge_test', (int) $dsn['port'], $dsn['unix_socket']);
    }

    /** Empty tables: the outbox, and a table of messages as a site has. */
    public function reset(): void
    {
        $pdo = $this->pdo();
        $pdo->exec('DROP TABLE IF EXISTS relay_outbox');
        $pdo->exec('DROP TABLE IF EXISTS Messages');
        $pdo->exec('CREATE TABLE Messages (message_id INT AUTO_INCREMENT PRIMARY KEY, content TEXT) ENGINE=InnoDB');
        $pdo->exec(file_get_contents(__DIR__ . '/../../schema/outbox.sql'));
    }

    public function stop(): void
    {
        if ($this->server === null) {
            $this->pdo()->exec('DROP DATABASE relay_bridge_test');
            return;
        }
        $this->server->kill();
        (new Child(['rm', '-rf', $this->folder]))->wait();
    }

    private function startOrStop(): void
    {
        try {
            $this->start();
        } catch (\Throwable $e) {
            if ($this->server !== null) {
                $this->server->kill();
            }
            throw $e;
        }
    }

    private function start(): void
    {
        $daemon = $this->find(['mariadbd', 'mysqld']);
        $install = $this->find(['mariadb-install-db', 'mysql_install_db']);
        $this->folder = sys_get_temp_dir() . '/relay-bridge-db-' . bin2hex(random_bytes(4));
        mkdir($this->folder, 0700);
        $this->socket = $this->folder . '/db.sock';
        $data = '--datadir=' . $this->folder . '/data';
        $user = posix_geteuid() === 0 ? ['--user=root'] : [];
        $installer = new Child(array_merge([$install, '--no-defaults', $data, '--auth-root-authentication-method=normal', '--skip-test-db'], $user));
        if ($installer->wait(120) !== 0) {
            throw new \RuntimeException("$install failed: " . $installer->out() . $installer->err());
        }
        $this->server = new Child(array_merge(
            [$daemon, '--no-defaults', $data, '--socket=' . $this->socket, '--skip-networking', '--pid-file=' . $this->folder . '/pid'],
            ['--innodb-buffer-pool-size=32M', '--innodb-flush-log-at-trx-commit=2'],
            $user
        ));
        (new Check())->eventually(function (): bool {
            (new Check())->true($this->server->isRunning(), 'the database server ended: ' . $this->server->err());
            try {
                new \PDO("mysql:unix_socket=$this->socket", 'root', '');
                return true;
            } catch (\PDOException $e) {
                return false;
            }
        }, 'the database server answers', 60);
    }

    private function find(array $names): string
    {
        foreach (array_merge(explode(':', (string) getenv('PATH')), ['/usr/sbin', '/usr/local/sbin', '/usr/libexec']) as $folder) {
            foreach ($names as $name) {
                if (is_executable("$folder/$name")) {
                    return "$folder/$name";
                }
            }
        }
        throw new \RuntimeException('MariaDB is missing: none of ' . implode(', ', $names) . ' is in PATH (Debian: apt-get install mariadb-server), and TEST_DB_DSN is not set');
    }

    private function dsn(): string
    {
        $server = $this->server === null ? getenv('TEST_DB_DSN') : "mysql:unix_socket=$this->socket";
        return $server . ';dbname=relay_bridge_test';
    }

    private function user(): string
    {
        return $this->server === null ? (string) getenv('TEST_DB_USER') : 'root';
    }

    private function password(): string
    {
        return $this->server === null ? (string) getenv('TEST_DB_PASSWORD') : '';
    }
}
