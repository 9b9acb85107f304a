<?php

// One user: starts the stream and loads its playlist. php user.php ID LINK

use Camgate\Facades\Camgate;
use Camgate\Tests\Application;
use Illuminate\Support\Facades\Http;

require __DIR__.'/bootstrap.php';

Application::boot();
$stream = Camgate::start($argv[1], $argv[2]);
$playlist = Http::get($stream->url())->body();
echo json_encode(['id' => $stream->id(), 'status' => $stream->status(), 'playlist' => strtok($playlist, "\n")]);
