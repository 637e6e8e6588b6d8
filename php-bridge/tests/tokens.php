<?php

declare(strict_types=1);

namespace RelayBridge\Tests;

use RelayBridge\InvalidNotification;
use RelayBridge\InvalidSetting;
use RelayBridge\TokenIssuer;

/** Written out from RFC 2104 and RFC 7515, so that nothing is shared with what is tested. */
function signedIndependently(string $claims, string $secret): string
{
    $encode = static function (string $bytes): string {
        return str_replace(['+', '/', '='], ['-', '_', ''], base64_encode($bytes));
    };
    $input = $encode('{"alg":"HS256","typ":"JWT"}') . '.' . $encode($claims);
    return $input . '.' . $encode(hmacByHand($input, $secret));
}

function hmacByHand(string $text, string $key): string
{
    $key = str_pad(strlen($key) > 64 ? hash('sha256', $key, true) : $key, 64, "\0");
    return hash('sha256', ($key ^ str_repeat("\x5c", 64)) . hash('sha256', ($key ^ str_repeat("\x36", 64)) . $text, true), true);
}

return static function (Suite $suite): void {
    $secret = 'a secret of more than 32 bytes, for tests';
    $clock = static function (): int {
        return 1750000000;
    };

    $suite->test('the test\'s own HMAC agrees with RFC 4231', static function (Check $check): void {
        $check->same('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843', bin2hex(hmacByHand('what do ya want for nothing?', 'Jefe')));
    });

    $suite->test('a client token is the user\'s until it expires', static function (Check $check) use ($secret, $clock): void {
        $token = (new TokenIssuer($secret, $clock))->client(17, 60);
        $check->same(signedIndependently('{"aud":"relay:client","sub":"17","iat":1750000000,"exp":1750000060}', $secret), $token);
    });

    $suite->test('an internal token is bound to its body', static function (Check $check) use ($secret, $clock): void {
        $token = (new TokenIssuer($secret, $clock))->internal('{"a":1}');
        $hash = '015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862';
        $check->same(signedIndependently('{"aud":"relay:internal","iat":1750000000,"exp":1750000060,"body":"' . $hash . '"}', $secret), $token);
    });

    $suite->test('an internal token lives 300 s at most, and without a body names none', static function (Check $check) use ($secret, $clock): void {
        $token = (new TokenIssuer($secret, $clock))->internal(null, 9999);
        $check->same(signedIndependently('{"aud":"relay:internal","iat":1750000000,"exp":1750000300}', $secret), $token);
    });

    $suite->test('a secret longer than a hash block signs as well', static function (Check $check) use ($clock): void {
        $secret = str_repeat('0123456789', 10);
        $token = (new TokenIssuer($secret, $clock))->client('anna', 60);
        $check->same(signedIndependently('{"aud":"relay:client","sub":"anna","iat":1750000000,"exp":1750000060}', $secret), $token);
    });

    $suite->test('a short secret and an id that is none are refused', static function (Check $check) use ($secret): void {
        $e = $check->throws(InvalidSetting::class, static function (): void {
            new TokenIssuer('short');
        });
        $check->contains('RELAY_SECRET', $e->getMessage());
        foreach (['', str_repeat('x', 129), "a\nb", "\xff", 1.5, null, [1], true] as $id) {
            $check->throws(InvalidNotification::class, static function () use ($secret, $id): void {
                (new TokenIssuer($secret))->client($id);
            });
        }
    });
};
