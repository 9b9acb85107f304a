<?php

// An application with one page, for PHP's own web server: php -S 127.0.0.1:8000 tests/page.php
// Its stream "gate-1" is started with the page, "gate-2" when the player asks for a new address.

use Camgate\Facades\Camgate;
use Camgate\Tests\Application;
use Illuminate\Support\Facades\View;

require __DIR__.'/bootstrap.php';

$files = ['/camgate-player.js' => __DIR__.'/../resources/js/camgate-player.js', '/hls.js' => getenv('TEST_HLS_JS')];
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (isset($files[$path])) {
    header('Content-Type: text/javascript');
    readfile($files[$path]);

    return;
}

Application::boot();
if ($path === '/refresh' && $_SERVER['REQUEST_METHOD'] === 'POST') {
    header('Content-Type: application/json');
    echo json_encode(['url' => Camgate::start('gate-2', getenv('TEST_CAMERA').'/demo')->url()]);

    return;
}
if ($path !== '/') {
    http_response_code($path === '/favicon.ico' ? 204 : 404);

    return;
}

file_put_contents(resource_path('views/page.blade.php'), <<<'BLADE'
<!doctype html>
<title>Two cameras</title>
<link rel="icon" href="data:,">
<script type="importmap">{"imports": {"hls.js": "/hls.js"}}</script>
<x-camgate-player :stream="$stream" title="Gate 1" />
<x-camgate-player stream="gate-2" mode="video" title="Gate 2" refresh="/refresh" />
<script type="module" src="/camgate-player.js"></script>
BLADE);
echo View::make('page', ['stream' => Camgate::start('gate-1', getenv('TEST_CAMERA').'/demo')])->render();
