<?php

namespace Camgate\Tests;

use Camgate\Exceptions\CameraAuthFailed;
use Camgate\Exceptions\CameraRejected;
use Camgate\Exceptions\CameraTimeout;
use Camgate\Exceptions\CameraUnreachable;
use Camgate\Exceptions\GatewayDown;
use Camgate\Exceptions\InvalidRequest;
use Camgate\Exceptions\SourceRefused;
use Camgate\Exceptions\StreamNotFound;
use Camgate\Exceptions\UnsupportedCodec;
use Camgate\Facades\Camgate;
use Illuminate\Support\Facades\Http;

/** The client, a real gateway and a camera. */
final class GatewayTest extends GatewayTestCase
{
    public function test_a_stream_is_started_seen_and_stopped(): void
    {
        $stream = Camgate::start('gate-1', $this->link());
        $this->assertSame('started', $stream->status());
        $playlist = Http::get($stream->url());
        $this->assertSame(200, $playlist->status());
        $this->assertStringStartsWith('#EXTM3U', $playlist->body());
        $this->assertSame(200, Http::get($stream->playerUrl())->status());

        $status = Camgate::status('gate-1');
        $this->assertSame(['live', 'H.264'], [$status['state'], $status['codec']]);
        $this->assertSame(['gate-1'], array_column(Camgate::streams(), 'indicator_id'));
        $this->assertSame(1, Camgate::health()['active_streams']);
        $this->assertSame('active', Camgate::start('gate-1', $this->link())->status());
        $this->assertSame('restarted', Camgate::start('gate-1', $this->link('/other'))->status());

        $this->assertTrue(Camgate::stop('gate-1'));
        $this->assertFalse(Camgate::stop('gate-1'));
        $this->assertSame(404, Http::get($stream->url())->status());
        try {
            Camgate::status('gate-1');
            $this->fail('It was stopped.');
        } catch (StreamNotFound $ended) {
            $this->assertSame('stopped', $ended->ended());
        }
    }

    public function test_a_wrong_path_is_the_cameras_no(): void
    {
        try {
            Camgate::start('gate-1', $this->link('/status/404'));
            $this->fail('There is nothing at this path.');
        } catch (CameraRejected $failure) {
            $this->assertSame(404, $failure->rtspStatus());
            $this->assertMatchesRegularExpression('/^[\w.-]{1,64}$/', $failure->requestId(), 'The log has it too.');
        }
        $this->assertSame([], Camgate::streams());
    }

    public function test_a_wrong_address_is_a_camera_that_cannot_be_reached(): void
    {
        $this->expectException(CameraUnreachable::class);
        Camgate::start('gate-1', 'rtsp://'.$this->nowhere().'/demo');
    }

    public function test_an_address_that_the_gateway_must_not_ask_is_refused(): void
    {
        $this->expectException(SourceRefused::class);
        Camgate::start('gate-1', 'rtsp://169.254.169.254/latest/meta-data');
    }

    public function test_a_link_that_is_none_is_an_invalid_request(): void
    {
        try {
            Camgate::start('gate-1', 'http://camera/');
            $this->fail('It is no link.');
        } catch (InvalidRequest $failure) {
            $this->assertSame('rtsp_link', $failure->field());
        }
    }

    public function test_a_camera_that_sends_no_h264_is_told_by_its_codec(): void
    {
        $this->expectException(UnsupportedCodec::class);
        Camgate::start('gate-1', $this->link('/codec/mjpeg'));
    }

    public function test_a_camera_that_does_not_answer_is_a_timeout(): void
    {
        $this->expectException(CameraTimeout::class);
        Camgate::start('gate-1', $this->link('/hang'));
    }

    public function test_a_password_goes_apart_from_the_link_whatever_it_holds(): void
    {
        $link = getenv('TEST_LOCKED_CAMERA').'/demo';
        $stream = Camgate::start('locked', $link, ['username' => 'admin', 'password' => getenv('TEST_LOCKED_PASSWORD')]);
        $this->assertSame('started', $stream->status());
        $this->expectException(CameraAuthFailed::class);
        Camgate::start('locked-2', $link, ['username' => 'admin', 'password' => 'wrong']);
    }

    public function test_a_gateway_that_is_down_is_tried_again_and_then_told(): void
    {
        $this->configure(['url' => 'http://'.$this->nowhere()]);
        $began = microtime(true);
        try {
            Camgate::start('gate-1', $this->link());
            $this->fail('Nobody is there.');
        } catch (GatewayDown $down) {
            $this->assertStringNotContainsString('rtsp', $down->getMessage());
        }
        $took = microtime(true) - $began;
        $this->assertGreaterThan(0.7, $took, 'Two more tries, after a quarter and half of a second.');
        $this->assertLessThan(5, $took);
    }
}
