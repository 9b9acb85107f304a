<?php

namespace Camgate\Models;

use Camgate\Client;
use Camgate\Stream;
use Illuminate\Database\Eloquent\Model;

/** An indicator's camera. Link and credentials are encrypted with APP_KEY, and left out of arrays and JSON. */
class Camera extends Model
{
    protected $table = 'camgate_cameras';

    protected $fillable = ['indicator_id', 'name', 'rtsp_link', 'username', 'password', 'audio', 'warm'];

    protected $hidden = ['rtsp_link', 'username', 'password'];

    protected $casts = [
        'rtsp_link' => 'encrypted',
        'username' => 'encrypted',
        'password' => 'encrypted',
        'audio' => 'boolean',
        'warm' => 'boolean',
    ];

    public function getRouteKeyName()
    {
        return 'indicator_id';
    }

    /** @throws \Camgate\Exceptions\CamgateException */
    public function start(): Stream
    {
        return app(Client::class)->start($this->indicator_id, $this->rtsp_link, [
            'username' => $this->username,
            'password' => $this->password,
            'audio' => $this->audio,
            'warm' => $this->warm,
        ]);
    }

    /**
     * @return bool false where it did not run
     *
     * @throws \Camgate\Exceptions\CamgateException
     */
    public function stop(): bool
    {
        return app(Client::class)->stop($this->indicator_id);
    }
}
