<?php

namespace Camgate\Tests;

use Camgate\Client;

abstract class TestCase extends \Illuminate\Foundation\Testing\TestCase
{
    public function createApplication()
    {
        return Application::boot();
    }

    /** The package's settings, as .env would have changed them. */
    protected function configure(array $settings): void
    {
        foreach ($settings as $name => $value) {
            $this->app['config']->set('camgate.'.$name, $value);
        }
        $this->app->forgetInstance(Client::class);
        \Camgate\Facades\Camgate::clearResolvedInstance(Client::class);
    }
}
