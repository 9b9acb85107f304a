<?php

namespace Camgate\Tests;

use Camgate\Stream;
use Illuminate\Support\Facades\Blade;
use Illuminate\Support\Facades\View;

/** The Blade component. */
final class PlayerTest extends TestCase
{
    private function render(string $template, array $data = []): string
    {
        $file = resource_path('views/page.blade.php');
        file_put_contents($file, $template);
        // Blade compiles anew by the second, and these follow each other faster.
        Blade::compile($file);

        return View::make('page', $data)->render();
    }

    private function element(string $html): \SimpleXMLElement
    {
        $document = new \DOMDocument();
        $document->loadHTML($html, LIBXML_NOERROR);

        return simplexml_import_dom($document)->body->children()[0];
    }

    public function test_a_stream_is_an_iframe_of_the_gateways_page(): void
    {
        $stream = new Stream('gate-1', '/streams/gate-1/stream.m3u8?token=a.b.c', 'https://cams.example');
        $html = $this->render('<x-camgate-player :stream="$stream" title="The gate" class="tile" />', ['stream' => $stream]);
        $iframe = $this->element($html);
        $this->assertSame('iframe', $iframe->getName());
        $this->assertSame('https://cams.example/player/gate-1?token=a.b.c&embed=1', (string) $iframe['src']);
        $this->assertSame(['The gate', 'tile'], [(string) $iframe['title'], (string) $iframe['class']]);
        $this->assertStringContainsString('autoplay', (string) $iframe['allow']);
    }

    public function test_a_bare_video_has_the_playlist_and_where_to_ask_for_a_new_one(): void
    {
        $stream = new Stream('1', '/streams/1/stream.m3u8', 'https://cams.example');
        $html = $this->render('<x-camgate-player :stream="$stream" mode="video" refresh="/cameras/1/start" />', ['stream' => $stream]);
        $video = $this->element($html);
        $this->assertSame('video', $video->getName());
        $this->assertSame('https://cams.example/streams/1/stream.m3u8', (string) $video['data-camgate-src']);
        $this->assertSame('/cameras/1/start', (string) $video['data-camgate-refresh']);
    }

    public function test_an_id_will_do_and_its_token_is_made_for_the_viewer(): void
    {
        $this->configure(['secret' => 'a secret of the gateway and ours']);
        $iframe = $this->element($this->render('<x-camgate-player stream="gate-1" :viewer="12" />'));
        parse_str(parse_url((string) $iframe['src'], PHP_URL_QUERY), $query);
        $claims = json_decode(base64_decode(strtr(explode('.', $query['token'])[1], '-_', '+/')), true);
        $this->assertSame(['gate-1', '12'], [$claims['stream'], $claims['viewer']]);
    }

    public function test_what_a_title_holds_stays_text(): void
    {
        $html = $this->render('<x-camgate-player stream="1" :title="$title" />', ['title' => '"><script>alert(1)</script>']);
        $this->assertStringNotContainsString('<script', $html);
    }
}
