<?php

namespace Camgate\Facades;

use Camgate\Client;
use Illuminate\Support\Facades\Facade;

/**
 * @method static \Camgate\Stream start(int|string $id, ?string $link = null, array $options = [])
 * @method static bool stop(int|string $id)
 * @method static array status(int|string $id)
 * @method static array streams()
 * @method static array health()
 * @method static \Camgate\Stream stream(int|string $id, array $claims = [])
 * @method static string token(int|string $id, array $claims = [])
 *
 * @see Client
 */
class Camgate extends Facade
{
    protected static function getFacadeAccessor()
    {
        return Client::class;
    }
}
