<?php

declare(strict_types=1);

namespace RelayBridge;

/** Ids as the relay takes them: integer or string of 1–128 printable characters; 17 and "17" are the same. */
final class Id
{
    /**
     * @param mixed $id
     * @throws InvalidNotification
     */
    public function check($id, string $field = 'id'): string
    {
        if (!is_int($id) && !is_string($id)) {
            throw new InvalidNotification("$field: an integer or a string, not "  . gettype($id));
        }
        if (preg_match('/^[^\p{C}\p{Zl}\p{Zp}]{1,128}$/Du', (string) $id) !== 1) {
            throw new InvalidNotification("$field: 1–128 printable characters");
        }
        return (string) $id;
    }
}
