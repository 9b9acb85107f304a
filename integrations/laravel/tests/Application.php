<?php

namespace Camgate\Tests;

use Illuminate\Contracts\Console\Kernel as ConsoleKernel;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Http\Kernel as HttpKernel;
use Illuminate\Filesystem\Filesystem;
use Illuminate\Foundation\Application as Laravel;

/** A Laravel application as small as one can be, in which the package was installed by Composer. */
final class Application
{
    public static function boot(): Laravel
    {
        $base = sys_get_temp_dir().'/camgate-laravel-'.getmypid();
        if (! is_dir($base)) {
            self::lay($base);
            register_shutdown_function(static function () use ($base): void {
                (new Filesystem())->deleteDirectory($base);
            });
        }
        $app = new Laravel($base);
        $app->singleton(HttpKernel::class, \Illuminate\Foundation\Http\Kernel::class);
        $app->singleton(ConsoleKernel::class, \Illuminate\Foundation\Console\Kernel::class);
        $app->singleton(ExceptionHandler::class, \Illuminate\Foundation\Exceptions\Handler::class);
        $app->make(ConsoleKernel::class)->bootstrap();

        return $app;
    }

    private static function lay(string $base): void
    {
        foreach (['bootstrap/cache', 'config', 'resources/views', 'storage/framework/views', 'vendor/composer'] as $folder) {
            mkdir($base.'/'.$folder, 0700, true);
        }
        // Composer leaves this behind: Laravel finds the provider and the facade by it.
        $composer = json_decode(file_get_contents(dirname(__DIR__).'/composer.json'), true);
        file_put_contents($base.'/vendor/composer/installed.json', json_encode(['packages' => [$composer]]));
        file_put_contents($base.'/composer.json', '{}');
        foreach (self::config($base) as $name => $settings) {
            file_put_contents("{$base}/config/{$name}.php", '<?php return '.var_export($settings, true).';');
        }
    }

    /** @return array<string, array<string, mixed>> */
    private static function config(string $base): array
    {
        return [
            'app' => [
                'name' => 'camgate',
                'env' => 'testing',
                'debug' => true,
                'url' => 'http://localhost',
                'timezone' => 'UTC',
                'locale' => 'en',
                'key' => 'base64:'.base64_encode(random_bytes(32)),
                'cipher' => 'AES-256-CBC',
                'providers' => [
                    \Illuminate\Auth\AuthServiceProvider::class,
                    \Illuminate\Bus\BusServiceProvider::class,
                    \Illuminate\Cache\CacheServiceProvider::class,
                    \Illuminate\Cookie\CookieServiceProvider::class,
                    \Illuminate\Database\DatabaseServiceProvider::class,
                    \Illuminate\Encryption\EncryptionServiceProvider::class,
                    \Illuminate\Filesystem\FilesystemServiceProvider::class,
                    \Illuminate\Foundation\Providers\ConsoleSupportServiceProvider::class,
                    \Illuminate\Foundation\Providers\FoundationServiceProvider::class,
                    \Illuminate\Hashing\HashServiceProvider::class,
                    \Illuminate\Queue\QueueServiceProvider::class,
                    \Illuminate\Session\SessionServiceProvider::class,
                    \Illuminate\View\ViewServiceProvider::class,
                ],
                'aliases' => [],
            ],
            'auth' => [
                'defaults' => ['guard' => 'web'],
                'guards' => ['web' => ['driver' => 'session', 'provider' => 'users']],
                'providers' => ['users' => ['driver' => 'database', 'table' => 'users']],
            ],
            'cache' => ['default' => 'array', 'stores' => ['array' => ['driver' => 'array']]],
            'database' => [
                'default' => 'sqlite',
                'connections' => ['sqlite' => ['driver' => 'sqlite', 'database' => ':memory:', 'prefix' => '']],
                'migrations' => 'migrations',
            ],
            'logging' => [
                'default' => 'single',
                'channels' => ['single' => ['driver' => 'single', 'path' => $base.'/storage/laravel.log']],
            ],
            'queue' => ['default' => 'sync', 'connections' => ['sync' => ['driver' => 'sync']]],
            'session' => [
                'driver' => 'array',
                'lifetime' => 120,
                'lottery' => [0, 1],
                'cookie' => 'session',
                'path' => '/',
                'domain' => null,
                'secure' => null,
            ],
            'view' => ['paths' => [$base.'/resources/views'], 'compiled' => $base.'/storage/framework/views'],
        ];
    }
}
