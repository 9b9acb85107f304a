<?php

namespace Camgate\Tests;

use Camgate\Models\Camera;
use Illuminate\Auth\GenericUser;
use Illuminate\Auth\Middleware\Authenticate;
use Illuminate\Routing\Middleware\SubstituteBindings;
use Illuminate\Support\Facades\Artisan;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Http;

/** The mapping of indicators to cameras, and the example's routes. */
final class CamerasTest extends GatewayTestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        Artisan::call('vendor:publish', ['--tag' => 'camgate-migrations', '--force' => true]);
        Artisan::call('vendor:publish', ['--tag' => 'camgate-routes', '--force' => true]);
        Artisan::call('migrate', ['--force' => true]);
        $this->app['router']->middlewareGroup('web', [SubstituteBindings::class]);
        $this->app['router']->aliasMiddleware('auth', Authenticate::class);
        require base_path('routes/camgate.php');
    }

    private function camera(string $link, array $more = []): Camera
    {
        return Camera::create(['indicator_id' => 'gate-1', 'rtsp_link' => $link] + $more)->fresh();
    }

    public function test_link_and_password_are_encrypted_at_rest_and_left_out_of_json(): void
    {
        $camera = $this->camera('rtsp://10.0.0.5/secret-path', ['username' => 'admin', 'password' => 'hunter2']);
        $this->assertSame(['rtsp://10.0.0.5/secret-path', 'hunter2'], [$camera->rtsp_link, $camera->password]);
        foreach ([json_encode(DB::table('camgate_cameras')->get()), $camera->toJson()] as $told) {
            $this->assertStringContainsString('gate-1', $told);
            $this->assertDoesNotMatchRegularExpression('/secret-path|hunter2|admin/', $told);
        }
    }

    public function test_someone_who_has_logged_in_starts_an_indicators_camera_and_stops_it(): void
    {
        $this->camera($this->link(), ['audio' => false]);
        $this->actingAs(new GenericUser(['id' => 1]));

        $answer = $this->postJson('/cameras/gate-1/start')->assertOk()->assertJson(['status' => 'started']);
        $this->assertStringStartsWith('#EXTM3U', Http::get($answer['url'])->body());
        $this->postJson('/cameras/gate-1/stop')->assertOk()->assertJson(['stopped' => true]);
    }

    public function test_nobody_else_does(): void
    {
        $this->camera($this->link());
        $this->postJson('/cameras/gate-1/start')->assertUnauthorized();
        $this->actingAs(new GenericUser(['id' => 1]))->postJson('/cameras/gate-2/start')->assertNotFound();
    }

    public function test_users_are_told_what_the_camera_said_and_not_where_it_is(): void
    {
        $this->camera($this->link('/status/404'));
        $answer = $this->actingAs(new GenericUser(['id' => 1]))->postJson('/cameras/gate-1/start');
        $answer->assertStatus(502)->assertJson(['code' => 'camera_rejected']);
        $this->assertStringContainsString('404', $answer['message']);
        $this->assertStringNotContainsString('rtsp://', $answer->getContent());
    }

    public function test_users_are_told_no_more_than_that_the_gateway_is_down_and_the_log_has_why(): void
    {
        $this->camera($this->link());
        $this->configure(['url' => 'http://'.$this->nowhere(), 'retries' => 0]);
        $answer = $this->actingAs(new GenericUser(['id' => 1]))->postJson('/cameras/gate-1/start');
        $answer->assertStatus(503)->assertJson(['code' => 'gateway_down', 'message' => 'Cameras are not available.']);
        $log = file_get_contents(storage_path('laravel.log'));
        $this->assertStringContainsString('camgate does not answer at', $log);
        $this->assertStringNotContainsString($this->link(), $log);
    }
}
