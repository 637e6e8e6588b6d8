<?php

declare(strict_types=1);

namespace RelayBridge;

/** Verifies the token that the relay sends to the PHP backend. */
final class TokenVerifier
{
    private const LEEWAY_SECONDS = 30;
    private const LONGEST_LIFE_SECONDS = 300;

    private $secrets;
    private $clock;

    /**
     * @param string[] $secrets RELAY_SECRET, and the previous one during a rotation
     * @param callable|null $clock gives Unix seconds; for tests
     * @throws InvalidSetting
     */
    public function __construct(array $secrets, ?callable $clock = null)
    {
        foreach ($secrets as $secret) {
            if (strlen($secret) < 32) {
                throw new InvalidSetting('RELAY_SECRET: at least 32 bytes');
            }
        }
        if ($secrets === []) {
            throw new InvalidSetting('RELAY_SECRET is not set');
        }
        $this->secrets = $secrets;
        $this->clock = $clock ?? 'time';
    }

    /**
     * @param string $authorization the whole header
     * @param string $body the raw body
     * @throws TokenRefused
     */
    public function verify(string $authorization, string $body): void
    {
        if (preg_match('/^Bearer +([\w-]+)\.([\w-]+)\.([\w-]+)$/D', $authorization, $part) !== 1) {
            throw $authorization === ''
                ? new TokenRefused('token_missing', 'no Authorization header; Apache with CGI or FPM passes it on with "CGIPassAuth On"')
                : new TokenRefused('token_invalid', 'Authorization must be "Bearer <token>"');
        }
        $this->checkSignature($part);
        $claims = $this->decode($part[2]);
        if (($claims['aud'] ?? null) !== 'relay:backend') {
            throw new TokenRefused('token_invalid', 'aud must be "relay:backend"');
        }
        $this->checkTimes($claims);
        if (!is_string($claims['body'] ?? null) || !hash_equals(hash('sha256', $body), $claims['body'])) {
            throw new TokenRefused('body_mismatch', 'the token is bound to another body');
        }
    }

    private function checkSignature(array $part): void
    {
        $header = $this->decode($part[1]);
        if (($header['alg'] ?? null) !== 'HS256' || isset($header['crit'])) {
            throw new TokenRefused('token_invalid', 'alg must be HS256');
        }
        $signature = $this->bytes($part[3]);
        $matches = false;
        foreach ($this->secrets as $secret) {
            $matches = hash_equals(hash_hmac('sha256', "$part[1].$part[2]", $secret, true), $signature) || $matches;
        }
        if (!$matches) {
            throw new TokenRefused('token_invalid', 'the signature is not by this RELAY_SECRET');
        }
    }

    private function checkTimes(array $claims): void
    {
        $now = (int) ($this->clock)();
        $iat = $claims['iat'] ?? null;
        $exp = $claims['exp'] ?? null;
        if (!is_int($iat) || !is_int($exp) || $exp - $iat > self::LONGEST_LIFE_SECONDS) {
            throw new TokenRefused('token_invalid', 'iat and exp must be there, at most 300 s apart');
        }
        if ($exp + self::LEEWAY_SECONDS <= $now) {
            throw new TokenRefused('token_expired', 'expired ' . ($now - $exp) . ' s ago by this clock');
        }
        if ($iat - self::LEEWAY_SECONDS > $now) {
            throw new TokenRefused('token_invalid', 'issued ' . ($iat - $now) . ' s ahead of this clock');
        }
    }

    private function decode(string $part): array
    {
        $claims = json_decode($this->bytes($part), true);
        if (!is_array($claims)) {
            throw new TokenRefused('token_invalid', 'not a JWT');
        }
        return $claims;
    }

    private function bytes(string $base64url): string
    {
        $bytes = base64_decode(strtr($base64url, '-_', '+/'), true);
        if ($bytes === false) {
            throw new TokenRefused('token_invalid', 'not a JWT');
        }
        return $bytes;
    }
}
