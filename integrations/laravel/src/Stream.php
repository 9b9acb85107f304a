<?php

namespace Camgate;

/** A stream and its addresses, for whoever may watch it. */
final class Stream
{
    /** @var string */
    private $id;

    /** @var string */
    private $path;

    /** @var string */
    private $publicUrl;

    /** @var string|null */
    private $status;

    public function __construct(string $id, string $path, string $publicUrl, ?string $status = null)
    {
        $this->id = $id;
        $this->path = $path;
        $this->publicUrl = $publicUrl;
        $this->status = $status;
    }

    public function id(): string
    {
        return $this->id;
    }

    /** The playlist's path on the gateway, with its token where it has one. */
    public function path(): string
    {
        return $this->path;
    }

    /** What the start did: `started`, `active` (it ran already) or `restarted` (it moved here); null without a start. */
    public function status(): ?string
    {
        return $this->status;
    }

    /** The playlist's address, for hls.js and every other player. */
    public function url(): string
    {
        return $this->publicUrl.$this->path;
    }

    /** The address of the gateway's own player page, for a link. */
    public function playerUrl(): string
    {
        $query = parse_url($this->path, PHP_URL_QUERY);

        return $this->publicUrl.'/player/'.rawurlencode($this->id).($query ? '?'.$query : '');
    }

    /** The same as the picture alone, for an iframe. */
    public function embedUrl(): string
    {
        $url = $this->playerUrl();

        return $url.(strpos($url, '?') === false ? '?' : '&').'embed=1';
    }

    /** The token that the addresses carry. */
    public function token(): ?string
    {
        parse_str((string) parse_url($this->path, PHP_URL_QUERY), $query);

        return isset($query['token']) ? (string) $query['token'] : null;
    }
}
