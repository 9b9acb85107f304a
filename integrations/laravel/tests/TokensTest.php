<?php

namespace Camgate\Tests;

use Camgate\Exceptions\Unauthorized;
use Camgate\Facades\Camgate;
use Camgate\Token;
use Illuminate\Support\Facades\Http;

/** Against a gateway with API_TOKENS and STREAM_SECRET. */
final class TokensTest extends GatewayTestCase
{
    private function playlist(string $query): array
    {
        $answer = Http::get(getenv('CAMGATE_URL').'/streams/gate-1/stream.m3u8'.$query);

        return [$answer->status(), $answer->json('code')];
    }

    public function test_a_wrong_api_token_is_refused(): void
    {
        $this->configure(['token' => 'not the token']);
        $this->assertSame('healthy', Camgate::health()['status'], 'This one is for everyone.');
        $this->expectException(Unauthorized::class);
        Camgate::streams();
    }

    public function test_no_api_token_is_refused(): void
    {
        $this->configure(['token' => null]);
        $this->expectException(Unauthorized::class);
        Camgate::start('gate-1', $this->link());
    }

    public function test_the_gateways_own_token_and_ours_let_watch(): void
    {
        $started = Camgate::start('gate-1', $this->link());
        $this->assertNotNull($started->token());
        $this->assertSame([200, null], $this->playlist('?token='.$started->token()));

        $this->assertSame(200, Http::get(Camgate::stream('gate-1', ['viewer' => 'user-12'])->url())->status());
        $this->assertSame(200, Http::get(Camgate::stream('gate-1', ['address' => '127.0.0.1'])->url())->status());
    }

    public function test_a_start_asks_for_a_token_of_its_viewer(): void
    {
        $token = Camgate::start('gate-1', $this->link(), ['viewer' => 'user-12', 'seconds' => 60])->token();
        $claims = json_decode(base64_decode(strtr(explode('.', $token)[1], '-_', '+/')), true);
        $this->assertSame('user-12', $claims['viewer']);
        $this->assertEqualsWithDelta(time() + 60, $claims['exp'], 5);
    }

    public function test_media_that_the_playlists_name_loads_with_the_token(): void
    {
        $at = Camgate::start('gate-1', $this->link())->url();
        foreach (['/^[^#\s].*$/m', '/^#EXT-X-MAP:URI="([^"]+)"/m'] as $what) {
            preg_match($what, Http::get($at)->body(), $found);
            $uri = end($found);
            $this->assertIsString($uri);
            $folder = substr($at, 0, strrpos(strtok($at, '?'), '/') + 1);
            $at = $uri[0] === '/' ? getenv('CAMGATE_URL').$uri : $folder.$uri;
            $this->assertSame(200, Http::get($at)->status(), strtok($at, '?'));
        }
    }

    public function test_no_token_a_broken_one_and_one_of_another_stream_are_refused(): void
    {
        Camgate::start('gate-1', $this->link());
        $this->assertSame([401, 'token_missing'], $this->playlist(''));
        $this->assertSame([401, 'token_invalid'], $this->playlist('?token=a.b.c'));
        $this->assertSame([403, 'token_refused'], $this->playlist('?token='.Camgate::token('gate-2')));
        $this->assertSame([403, 'token_refused'], $this->playlist('?token='.Camgate::token('gate-1', ['address' => '192.0.2.7'])));
        $forged = Token::mint('another secret, which is not ours', 'gate-1', time() + 60);
        $this->assertSame([401, 'token_invalid'], $this->playlist('?token='.$forged));
    }

    public function test_an_expired_token_is_refused_as_that_and_a_new_one_goes_on(): void
    {
        Camgate::start('gate-1', $this->link());
        $this->assertSame([403, 'token_expired'], $this->playlist('?token='.Camgate::token('gate-1', ['seconds' => -3600])));
        $this->assertSame([200, null], $this->playlist('?token='.Camgate::token('gate-1')));
    }
}
