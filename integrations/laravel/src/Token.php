<?php

namespace Camgate;

use InvalidArgumentException;

/** Tokens for viewers: JWT (RFC 7519) signed by HS256 (RFC 7518 §3.2) with the gateway's STREAM_SECRET. */
final class Token
{
    /** What a token may say beside the stream and its end. */
    private const CLAIMS = ['viewer', 'address', 'nbf'];

    /**
     * @param  int  $expires  in seconds since 1970
     * @param  array<string, mixed>  $claims  `viewer`, `address`, `nbf`; those that are null are left out
     */
    public static function mint(
        #[\SensitiveParameter]
        string $secret,
        string $stream,
        int $expires,
        array $claims = []
    ): string {
        $unknown = array_diff(array_keys($claims), self::CLAIMS);
        if ($unknown !== []) {
            throw new InvalidArgumentException('camgate: a token has no claim '.implode(', ', $unknown).'.');
        }
        foreach (['viewer', 'address'] as $name) {
            if (isset($claims[$name])) {
                $claims[$name] = (string) $claims[$name];
            }
        }
        $claims = ['stream' => $stream, 'exp' => $expires] + array_filter($claims, static function ($claim): bool {
            return $claim !== null;
        });
        $signed = self::part(['alg' => 'HS256', 'typ' => 'JWT']).'.'.self::part($claims);

        return $signed.'.'.self::base64url(hash_hmac('sha256', $signed, $secret, true));
    }

    /** @param  array<string, mixed>  $fields */
    private static function part(array $fields): string
    {
        return self::base64url((string) json_encode($fields, JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR));
    }

    private static function base64url(string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }
}
