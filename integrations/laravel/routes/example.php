<?php

// An example to make your own: php artisan vendor:publish --tag=camgate-routes puts it at routes/camgate.php; require it from
// routes/web.php. Who may see which camera is your decision: 'auth' lets everyone in who has logged in.

use Camgate\Exceptions\Busy;
use Camgate\Exceptions\CameraException;
use Camgate\Exceptions\CamgateException;
use Camgate\Exceptions\TooManyStreams;
use Camgate\Models\Camera;
use Illuminate\Support\Facades\Route;

Route::middleware(['web', 'auth'])->prefix('cameras/{camera}')->group(function () {

    // What a page calls to show an indicator's camera, and calls again when its token has expired.
    Route::post('start', function (Camera $camera) {
        try {
            $stream = $camera->start();
        } catch (CameraException $failure) {
            // The camera's fault, and worth reading: a wrong password, a codec that does not play.
            return response()->json(['code' => $failure->problemCode(), 'message' => $failure->detail()], 502);
        } catch (Busy | TooManyStreams $failure) {
            return response()->json(['code' => $failure->problemCode(), 'message' => 'Too many cameras play at the moment.'], 503)
                ->header('Retry-After', (string) ($failure->retryAfter() ?? 5));
        } catch (CamgateException $failure) {
            // The gateway is down, or this application's settings are wrong: for its log, and not for its users.
            report($failure);

            return response()->json(['code' => $failure->problemCode(), 'message' => 'Cameras are not available.'], 503);
        }

        return response()->json(['url' => $stream->url(), 'player_url' => $stream->playerUrl(), 'status' => $stream->status()]);
    })->name('cameras.start');

    Route::post('stop', function (Camera $camera) {
        return response()->json(['stopped' => $camera->stop()]);
    })->name('cameras.stop');

});
