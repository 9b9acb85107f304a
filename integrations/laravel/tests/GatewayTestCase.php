<?php

namespace Camgate\Tests;

use Camgate\Facades\Camgate;

/**
 * Against a gateway that runs at CAMGATE_URL, and a simulated camera at TEST_CAMERA (rtsp://host:port): see
 * tests/e2e/laravel.rs of the gateway's repository.
 */
abstract class GatewayTestCase extends TestCase
{
    protected function setUp(): void
    {
        if (getenv('TEST_CAMERA') === false) {
            $this->markTestSkipped('There is no gateway: cargo test --test e2e_laravel runs this one.');
        }
        parent::setUp();
    }

    protected function tearDown(): void
    {
        if ($this->app) {
            $this->configure(['url' => getenv('CAMGATE_URL'), 'token' => getenv('CAMGATE_TOKEN')]);
            foreach (Camgate::streams() as $stream) {
                Camgate::stop($stream['indicator_id']);
            }
        }
        parent::tearDown();
    }

    protected function link(string $path = '/demo'): string
    {
        return getenv('TEST_CAMERA').$path;
    }

    /** An address at which nobody listens. */
    protected function nowhere(): string
    {
        $socket = stream_socket_server('tcp://127.0.0.1:0');
        $address = stream_socket_get_name($socket, false);
        fclose($socket);

        return $address;
    }
}
