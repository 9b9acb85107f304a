<?php

namespace Camgate\View\Components;

use Camgate\Client;
use Camgate\Stream;
use Illuminate\View\Component;
use InvalidArgumentException;

/**
 * `<x-camgate-player :stream="$stream"/>`: a stream on a page.
 *
 * `mode="iframe"`, the default, is the gateway's own player page: nothing else is needed. `mode="video"` is a bare `<video>`
 * for the application's own design; resources/js/camgate-player.js plays it.
 */
class Player extends Component
{
    /** @var Stream */
    public $stream;

    /** @var string */
    public $mode;

    /** @var string */
    public $title;

    /** @var string|null */
    public $refresh;

    /**
     * @param  Stream|int|string  $stream  what start returned, or the id of a stream that runs
     * @param  string  $title  for those who cannot see it
     * @param  int|string|null  $viewer  whom a token is made for, where the stream is an id
     * @param  string|null  $refresh  with mode video: an address of yours that answers a POST with {"url": …} once the stream
     *     has ended or the token has expired
     */
    public function __construct(
        Client $camgate,
        $stream,
        string $mode = 'iframe',
        string $title = 'Camera',
        $viewer = null,
        ?string $refresh = null
    ) {
        if (! in_array($mode, ['iframe', 'video'], true)) {
            throw new InvalidArgumentException("camgate: the player's mode is iframe or video, not {$mode}.");
        }
        $this->stream = $stream instanceof Stream ? $stream : $camgate->stream($stream, ['viewer' => $viewer]);
        $this->mode = $mode;
        $this->title = $title;
        $this->refresh = $refresh;
    }

    public function render()
    {
        return view('camgate::components.player');
    }
}
