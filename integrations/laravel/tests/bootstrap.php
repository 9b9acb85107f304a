<?php

// Composer's autoloader where there is one, else Debian's packages (php-laravel-framework, php-guzzlehttp-guzzle).

error_reporting(E_ALL & ~E_DEPRECATED); // Laravel 8 is older than PHP 8.2.

$package = dirname(__DIR__);
if (is_file($package.'/vendor/autoload.php')) {
    require $package.'/vendor/autoload.php';

    return;
}

require 'Illuminate/autoload.php';
require 'GuzzleHttp/autoload.php';

// What Composer would make of composer.json.
$composer = json_decode(file_get_contents($package.'/composer.json'), true);
foreach ([$composer['autoload'], $composer['autoload-dev']] as $autoload) {
    foreach ($autoload['psr-4'] as $namespace => $folder) {
        spl_autoload_register(static function (string $class) use ($package, $namespace, $folder): void {
            $file = $package.'/'.$folder.strtr(substr($class, strlen($namespace)), '\\', '/').'.php';
            if (strpos($class, $namespace) === 0 && is_file($file)) {
                require $file;
            }
        });
    }
}
