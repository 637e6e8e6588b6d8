<?php

declare(strict_types=1);

namespace RelayBridge;

/** Mints the JWTs (HS256) that the relay verifies. */
final class TokenIssuer
{
    private $secret;
    private $clock;

    /**
     * @param string $secret RELAY_SECRET, at least 32 bytes
     * @param callable|null $clock gives Unix seconds; for tests
     * @throws InvalidSetting
     */
    public function __construct(string $secret, ?callable $clock = null)
    {
        if (strlen($secret) < 32) {
            throw new InvalidSetting('RELAY_SECRET: at least 32 bytes');
        }
        $this->secret = $secret;
        $this->clock = $clock ?? 'time';
    }

    /**
     * For a browser: it is this user until it expires.
     *
     * @param int|string $userId
     * @throws InvalidNotification where the id is none
     */
    public function client($userId, int $seconds = 3600): string
    {
        $now = (int) ($this->clock)();
        return $this->sign(['aud' => 'relay:client', 'sub' => (new Id())->check($userId), 'iat' => $now, 'exp' => $now + $seconds]);
    }

    /**
     * For one request to the internal API.
     *
     * @param string|null $body the raw body that the token is bound to; null for a request without one
     * @param int $seconds at most 300
     */
    public function internal(?string $body = null, int $seconds = 60): string
    {
        $now = (int) ($this->clock)();
        $claims = ['aud' => 'relay:internal', 'iat' => $now, 'exp' => $now + min($seconds, 300)];
        if ($body !== null) {
            $claims['body'] = hash('sha256', $body);
        }
        return $this->sign($claims);
    }

    private function sign(array $claims): string
    {
        $json = new Json();
        $input = $this->base64url('{"alg":"HS256","typ":"JWT"}') . '.' . $this->base64url($json->encode($claims));
        return $input . '.' . $this->base64url(hash_hmac('sha256', $input, $this->secret, true));
    }

    private function base64url(string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }
}
