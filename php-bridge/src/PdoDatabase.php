<?php

declare(strict_types=1);

namespace RelayBridge;

final class PdoDatabase implements Database
{
    private $pdo;

    public function __construct(\PDO $pdo)
    {
        $this->pdo = $pdo;
    }

    public function change(string $sql, array $params = []): int
    {
        return $this->run($sql, $params)->rowCount();
    }

    public function rows(string $sql, array $params = []): array
    {
        return $this->run($sql, $params)->fetchAll(\PDO::FETCH_NUM);
    }

    private function run(string $sql, array $params): \PDOStatement
    {
        try {
            $statement = $this->pdo->prepare($sql);
            if ($statement !== false && $statement->execute($params)) {
                return $statement;
            }
            $error = $statement === false ? $this->pdo->errorInfo() : $statement->errorInfo();
        } catch (\PDOException $e) {
            throw new DatabaseFailed('outbox: ' . $e->getMessage(), (int) ($e->errorInfo[1] ?? 0), $e);
        }
        throw new DatabaseFailed('outbox: ' . $error[2], (int) $error[1]);
    }
}
