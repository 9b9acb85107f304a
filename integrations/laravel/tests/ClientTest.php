<?php

namespace Camgate\Tests;

use Camgate\Client;
use Camgate\Exceptions;
use Camgate\Facades\Camgate;
use Illuminate\Http\Client\Factory;
use Illuminate\Http\Client\Request;
use Illuminate\Support\Facades\Http;
use InvalidArgumentException;

/** What the client asks, and what it makes of answers: no gateway. */
final class ClientTest extends TestCase
{
    private const LINK = 'rtsp://admin:hunter2@10.0.0.5/secret-path';

    /** Seconds that the client has waited. */
    private $waits = [];

    private function client(Factory $http, array $config = []): Client
    {
        return new Client($http, $config + ['url' => 'http://gateway:8088', 'retries' => 2], function (float $seconds): void {
            $this->waits[] = $seconds;
        });
    }

    private function problem(string $code, int $status, array $headers = [], array $more = [])
    {
        return Http::response(['code' => $code, 'detail' => 'A reason.', 'status' => $status] + $more, $status, $headers);
    }

    public function test_a_start_posts_the_link_and_leaves_it_out_of_the_address(): void
    {
        Http::fake(['*' => Http::response(['stream_path' => '/streams/7/stream.m3u8', 'status' => 'started'])]);
        $this->configure(['url' => 'http://gateway:8088/', 'token' => 'api-token', 'public_url' => 'https://cams.example']);

        $stream = Camgate::start(7, self::LINK, ['audio' => false, 'warm' => true, 'username' => null]);

        Http::assertSent(function (Request $request): bool {
            return $request->method() === 'POST'
                && $request->url() === 'http://gateway:8088/api/stream/start'
                && $request->hasHeader('Authorization', 'Bearer api-token')
                && $request->data() === ['indicator_id' => '7', 'rtsp_link' => self::LINK, 'audio' => '0', 'warm' => '1'];
        });
        $this->assertSame('https://cams.example/streams/7/stream.m3u8', $stream->url());
        $this->assertSame('https://cams.example/player/7', $stream->playerUrl());
        $this->assertSame('https://cams.example/player/7?embed=1', $stream->embedUrl());
        $this->assertSame(['started', '7', null], [$stream->status(), $stream->id(), $stream->token()]);
    }

    public function test_a_token_in_the_answer_goes_into_every_address(): void
    {
        Http::fake(['*' => Http::response(['stream_path' => '/streams/7/stream.m3u8?token=a.b.c', 'status' => 'active'])]);
        $stream = Camgate::start('7', self::LINK);
        $this->assertSame('a.b.c', $stream->token());
        $this->assertStringEndsWith('/player/7?token=a.b.c', $stream->playerUrl());
    }

    public function test_a_camera_that_the_gateway_knows_needs_no_link(): void
    {
        Http::fake(['*' => Http::response(['stream_path' => '/streams/gate-1/stream.m3u8', 'status' => 'started'])]);
        Camgate::start('gate-1');
        Http::assertSent(function (Request $request): bool {
            return $request->data() === ['indicator_id' => 'gate-1'];
        });
    }

    public function test_a_mistyped_option_is_an_error(): void
    {
        $this->expectException(InvalidArgumentException::class);
        Camgate::start('7', self::LINK, ['pasword' => 'x']);
    }

    public function test_a_busy_gateway_is_asked_again_after_as_long_as_it_says(): void
    {
        Http::fakeSequence()
            ->push(['code' => 'busy', 'detail' => 'Later.'], 503, ['Retry-After' => '2'])
            ->push(['stream_path' => '/streams/7/stream.m3u8', 'status' => 'started']);
        $this->assertSame('started', $this->client(Http::getFacadeRoot())->start(7, self::LINK)->status());
        $this->assertSame([2.0], $this->waits);
    }

    public function test_tries_are_counted_and_end_with_the_gateways_own_words(): void
    {
        Http::fake(['*' => $this->problem('shutting_down', 503, ['Retry-After' => '2'])]);
        try {
            $this->client(Http::getFacadeRoot())->start(7, self::LINK);
            $this->fail('It was refused.');
        } catch (Exceptions\Busy $busy) {
            $this->assertSame(['shutting_down', 503, 2], [$busy->problemCode(), $busy->status(), $busy->retryAfter()]);
        }
        Http::assertSentCount(3);
    }

    public function test_there_is_no_wait_that_would_end_after_the_time_of_the_call(): void
    {
        Http::fake(['*' => $this->problem('too_many_starts', 429, ['Retry-After' => '60'])]);
        try {
            $this->client(Http::getFacadeRoot(), ['timeout' => 15])->start(7, self::LINK);
            $this->fail('It was refused.');
        } catch (Exceptions\Busy $busy) {
            $this->assertSame(60, $busy->retryAfter());
        }
        $this->assertSame([], $this->waits);
        Http::assertSentCount(1);
    }

    /** @dataProvider problems */
    public function test_each_problem_has_its_exception(string $code, int $status, string $class): void
    {
        Http::fake(['*' => $this->problem($code, $status, ['X-Request-Id' => 'req-1'])]);
        try {
            $this->client(Http::getFacadeRoot(), ['retries' => 0])->start(7, self::LINK);
            $this->fail('It was refused.');
        } catch (Exceptions\CamgateException $failure) {
            $this->assertSame($class, get_class($failure));
            $this->assertSame([$code, 'A reason.', $status], [$failure->problemCode(), $failure->detail(), $failure->status()]);
            $this->assertSame(['camgate_code' => $code, 'camgate_request_id' => 'req-1'], $failure->context());
        }
    }

    public static function problems(): array
    {
        return [
            ['invalid_request', 400, Exceptions\InvalidRequest::class],
            ['unauthorized', 401, Exceptions\Unauthorized::class],
            ['api_not_public', 403, Exceptions\Unauthorized::class],
            ['source_refused', 403, Exceptions\SourceRefused::class],
            ['unsupported_codec', 422, Exceptions\UnsupportedCodec::class],
            ['camera_unreachable', 502, Exceptions\CameraUnreachable::class],
            ['camera_auth_failed', 502, Exceptions\CameraAuthFailed::class],
            ['camera_rejected', 502, Exceptions\CameraRejected::class],
            ['camera_timeout', 504, Exceptions\CameraTimeout::class],
            ['busy', 503, Exceptions\Busy::class],
            ['shutting_down', 503, Exceptions\Busy::class],
            ['too_many_starts', 429, Exceptions\Busy::class],
            ['too_many_streams', 503, Exceptions\TooManyStreams::class],
            ['too_many_viewers', 503, Exceptions\TooManyStreams::class],
            ['stream_stopped', 409, Exceptions\StreamStopped::class],
            ['stream_not_found', 404, Exceptions\StreamNotFound::class],
            ['token_expired', 403, Exceptions\TokenRefused::class],
            ['of_a_later_version', 418, Exceptions\CamgateException::class],
        ];
    }

    public function test_a_proxy_without_a_gateway_behind_it_is_a_gateway_that_is_down(): void
    {
        Http::fake(['*' => Http::response('<html>Bad Gateway</html>', 502)]);
        $this->expectException(Exceptions\GatewayDown::class);
        $this->client(Http::getFacadeRoot())->health();
    }

    public function test_an_answer_that_is_not_camgates_is_told_as_one(): void
    {
        Http::fake(['*' => Http::response('<html>Welcome to nginx!</html>')]);
        $this->expectExceptionMessage('is CAMGATE_URL right?');
        $this->client(Http::getFacadeRoot())->health();
    }

    public function test_a_post_does_not_follow_a_redirect(): void
    {
        Http::fake(['*' => Http::response('', 301, ['Location' => 'https://elsewhere.example/'])]);
        try {
            $this->client(Http::getFacadeRoot())->start(7, self::LINK);
            $this->fail('It was redirected.');
        } catch (Exceptions\CamgateException $failure) {
            $this->assertSame(['unexpected_answer', 301], [$failure->problemCode(), $failure->status()]);
        }
        Http::assertSentCount(1);
    }

    public function test_stopping_what_does_not_run_is_no_failure(): void
    {
        Http::fake(['*' => $this->problem('stream_not_found', 404)]);
        $this->assertFalse(Camgate::stop(7));
    }

    public function test_no_link_and_no_password_is_in_an_exception_or_in_its_trace(): void
    {
        ini_set('zend.exception_ignore_args', '0');
        ini_set('zend.exception_string_param_max_len', '1000');
        Http::fake(['*' => $this->problem('camera_auth_failed', 502)]);
        $fakes = Http::getFacadeRoot();
        $real = new Factory();
        foreach ([[$fakes, 'http://gateway'], [$real, 'http://127.0.0.1:1']] as [$http, $url]) {
            try {
                $client = $this->client($http, ['url' => $url, 'retries' => 0, 'token' => 'api-token']);
                $client->start(7, self::LINK, ['username' => 'operator', 'password' => 'correct horse']);
                $this->fail('It was refused.');
            } catch (Exceptions\CamgateException $failure) {
                $this->assertNull($failure->getPrevious());
                $told = $failure.print_r($failure->context(), true);
                // Frames of ours: those above them hold the test itself.
                foreach ($failure->getTrace() as $frame) {
                    if (($frame['class'] ?? '') === Client::class) {
                        $told .= print_r($frame['args'] ?? [], true);
                    }
                }
                foreach (['hunter2', 'secret-path', 'operator', 'correct horse', 'api-token'] as $secret) {
                    $this->assertStringNotContainsString($secret, $told);
                }
            }
        }
    }

    public function test_a_token_says_who_may_watch_what_and_until_when_and_is_signed(): void
    {
        $this->configure(['secret' => 'a secret of the gateway and ours', 'token_seconds' => 60]);
        $token = Camgate::token('gate-1', ['viewer' => 12, 'address' => '192.0.2.7', 'nbf' => null]);

        [$header, $claims, $signature] = explode('.', $token);
        $this->assertSame('{"alg":"HS256","typ":"JWT"}', base64_decode($header));
        $claims_read = json_decode(base64_decode(strtr($claims, '-_', '+/')), true);
        $this->assertEqualsWithDelta(time() + 60, $claims_read['exp'], 5);
        unset($claims_read['exp']);
        $this->assertSame(['stream' => 'gate-1', 'viewer' => '12', 'address' => '192.0.2.7'], $claims_read);
        $expected = hash_hmac('sha256', "{$header}.{$claims}", 'a secret of the gateway and ours', true);
        $this->assertSame($expected, base64_decode(strtr($signature, '-_', '+/')));
        $this->assertMatchesRegularExpression('/^[\w.-]+$/', $token);
    }

    public function test_without_the_secret_there_are_addresses_and_no_tokens(): void
    {
        $this->configure(['secret' => null]);
        $this->assertStringEndsWith('/streams/gate-1/stream.m3u8', Camgate::stream('gate-1')->url());
        $this->expectExceptionMessage('CAMGATE_STREAM_SECRET');
        Camgate::token('gate-1');
    }
}
