<?php

declare(strict_types=1);

namespace RelayBridge;

/** JSON whose failures name the field; pure ASCII, so that no database connection's charset can bend it. */
final class Json
{
    /**
     * @param mixed $value
     * @throws UnencodableMessage
     */
    public function encode($value): string
    {
        $json = json_encode($value, JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION);
        if ($json === false) {
            throw $this->explain($value, json_last_error_msg());
        }
        return $json;
    }

    /**
     * @return mixed null for what is no JSON
     */
    public function decode(string $json)
    {
        return json_decode($json, true, 512, JSON_BIGINT_AS_STRING);
    }

    /** @param mixed $value */
    private function explain($value, string $fallback): UnencodableMessage
    {
        $path = '';
        $reason = $fallback;
        while (is_array($value) || is_object($value)) {
            $culprit = $this->firstBad(is_object($value) ? get_object_vars($value) : $value);
            if ($culprit === null) {
                break;
            }
            list($key, $value, $reason) = $culprit;
            $path .= ($path === '' ? '' : '.') . $key;
        }
        return new UnencodableMessage($path === '' ? 'the value' : $path, $reason);
    }

    /** @return array|null [key, value, reason] */
    private function firstBad(array $values)
    {
        foreach ($values as $key => $value) {
            if (json_encode([$key => 0]) === false) {
                return ['(a key that is not UTF-8)', null, json_last_error_msg()];
            }
            if (json_encode($value) === false) {
                return [$key, $value, json_last_error_msg()];
            }
        }
        return null;
    }
}
