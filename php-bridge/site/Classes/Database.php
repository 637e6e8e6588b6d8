<?php

declare(strict_types=1);

namespace MessagingSite;

use PDO;

/** The site's PDO connection, with the two things that every query of the site needs. */
final class Database
{
    private $pdo;

    public function __construct(PDO $pdo)
    {
        $this->pdo = $pdo;
    }

    /** For code that brings its own SQL: the outbox. */
    public function pdo(): PDO
    {
        return $this->pdo;
    }

    /** @return array[] the rows; none for a statement that is not a query */
    public function run(string $sql, array $parameters = []): array
    {
        $statement = $this->pdo->prepare($sql);
        $statement->execute($parameters);
        return $statement->columnCount() > 0 ? $statement->fetchAll(PDO::FETCH_ASSOC) : [];
    }

    public function insert(string $sql, array $parameters): int
    {
        $this->run($sql, $parameters);
        return (int) $this->pdo->lastInsertId();
    }

    /** @return mixed what the callable returns; whatever it throws undoes all of it and is thrown on */
    public function transaction(callable $work)
    {
        $this->pdo->beginTransaction();
        try {
            $result = $work();
            $this->pdo->commit();
        } catch (\Throwable $e) {
            if ($this->pdo->inTransaction()) {
                $this->pdo->rollBack();
            }
            throw $e;
        }
        return $result;
    }
}
