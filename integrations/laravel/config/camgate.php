<?php

return [

    // Where Laravel reaches the gateway. Times are in seconds.
    'url' => env('CAMGATE_URL', 'http://127.0.0.1:8088'),

    // Where browsers reach it; the same, unless a proxy stands in between.
    'public_url' => env('CAMGATE_PUBLIC_URL'),

    // One of the gateway's API_TOKENS. Without any the gateway answers Laravel at loopback and private addresses alone.
    'token' => env('CAMGATE_TOKEN'),

    // The gateway's STREAM_SECRET (one of them, if it has several): with it Laravel makes tokens for viewers. Without, those
    // of start's answers will do.
    'secret' => env('CAMGATE_STREAM_SECRET'),

    // How long such a token is good for.
    'token_seconds' => (int) env('CAMGATE_TOKEN_SECONDS', 21600),

    // The longest that a connection takes to be made.
    'connect_timeout' => (int) env('CAMGATE_CONNECT_TIMEOUT', 2),

    // The longest that a call takes, with its further tries and the waits between them. A start takes as long as its camera
    // does: keep this above the gateway's START_TIMEOUT_SECONDS (10), and below PHP's max_execution_time.
    'timeout' => (int) env('CAMGATE_TIMEOUT', 15),

    // Further tries where the gateway cannot be reached or says that it is busy. Every call may be made twice.
    'retries' => (int) env('CAMGATE_RETRIES', 2),

];
