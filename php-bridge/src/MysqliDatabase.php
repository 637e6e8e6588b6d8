<?php

declare(strict_types=1);

namespace RelayBridge;

final class MysqliDatabase implements Database
{
    private $mysqli;

    /** @throws InvalidSetting */
    public function __construct(\mysqli $mysqli)
    {
        if (!method_exists(\mysqli_stmt::class, 'get_result')) {
            throw new InvalidSetting('this mysqli is built without mysqlnd: the outbox takes mysqli with mysqlnd, or PDO');
        }
        $this->mysqli = $mysqli;
    }

    public function change(string $sql, array $params = []): int
    {
        $this->run($sql, $params);
        return (int) $this->mysqli->affected_rows;
    }

    public function rows(string $sql, array $params = []): array
    {
        $result = $this->run($sql, $params);
        return $result instanceof \mysqli_result ? $result->fetch_all(MYSQLI_NUM) : [];
    }

    /** @return \mysqli_result|bool */
    private function run(string $sql, array $params)
    {
        try {
            // The server cannot prepare every statement without parameters, so those are sent as they are.
            if ($params === []) {
                return $this->checked($this->mysqli->query($sql), $this->mysqli);
            }
            $statement = $this->checked($this->mysqli->prepare($sql), $this->mysqli);
            $statement->bind_param(str_repeat('s', count($params)), ...$params);
            $this->checked($statement->execute(), $statement);
            return $statement->get_result();
        } catch (\mysqli_sql_exception $e) {
            throw new DatabaseFailed('outbox: ' . $e->getMessage(), (int) $e->getCode(), $e);
        }
    }

    /** @param \mysqli|\mysqli_stmt $source where the error is told when $result is false */
    private function checked($result, $source)
    {
        if ($result === false) {
            throw new DatabaseFailed('outbox: ' . $source->error, (int) $source->errno);
        }
        return $result;
    }
}
