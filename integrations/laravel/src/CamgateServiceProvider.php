<?php

namespace Camgate;

use Camgate\View\Components\Player;
use Illuminate\Support\Facades\Http;
use Illuminate\Support\ServiceProvider;

class CamgateServiceProvider extends ServiceProvider
{
    public function register()
    {
        $this->mergeConfigFrom(__DIR__.'/../config/camgate.php', 'camgate');
        $this->app->singleton(Client::class, function ($app) {
            // The facade's own: what Http::fake() fakes has to be what the client asks with.
            return new Client(Http::getFacadeRoot(), $app['config']['camgate']);
        });
    }

    public function boot()
    {
        $this->loadViewsFrom(__DIR__.'/../resources/views', 'camgate');
        $this->loadViewComponentsAs('camgate', [Player::class]);

        $published = [
            'config' => ['config/camgate.php', config_path('camgate.php')],
            'views' => ['resources/views', resource_path('views/vendor/camgate')],
            'js' => ['resources/js/camgate-player.js', resource_path('js/vendor/camgate-player.js')],
            'migrations' => ['database/migrations', database_path('migrations')],
            'routes' => ['routes/example.php', base_path('routes/camgate.php')],
        ];
        foreach ($published as $tag => [$ours, $theirs]) {
            $this->publishes([__DIR__.'/../'.$ours => $theirs], 'camgate-'.$tag);
        }
    }
}
