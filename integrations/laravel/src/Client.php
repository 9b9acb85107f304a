<?php

namespace Camgate;

use Camgate\Exceptions\Busy;
use Camgate\Exceptions\CamgateException;
use Camgate\Exceptions\GatewayDown;
use Camgate\Exceptions\StreamNotFound;
use GuzzleHttp\Exception\TransferException;
use Illuminate\Http\Client\ConnectionException;
use Illuminate\Http\Client\Factory;
use Illuminate\Http\Client\Response;
use InvalidArgumentException;

/**
 * The gateway's API. Whatever fails is a {@see CamgateException}, whose class says what kind of failure it was.
 *
 * Links and passwords go in the bodies of requests alone, and never into an exception.
 */
class Client
{
    /** What start takes beside the link. */
    private const OPTIONS = ['username', 'password', 'audio', 'warm', 'viewer', 'address', 'seconds'];

    /** @var Factory */
    private $http;

    /** @var array<string, mixed> */
    private $config;

    /** @var callable(float): void */
    private $sleep;

    /**
     * @param  array<string, mixed>  $config  as in config/camgate.php
     * @param  callable(float): void|null  $sleep  waits so many seconds; a test's own need not
     */
    public function __construct(
        Factory $http,
        #[\SensitiveParameter]
        array $config,
        ?callable $sleep = null
    ) {
        $this->http = $http;
        $this->config = $config;
        $this->sleep = $sleep ?? static function (float $seconds): void {
            usleep((int) ($seconds * 1e6));
        };
    }

    /**
     * Starts a stream, and returns once its camera plays. One that runs already is found and goes on; with another link
     * it moves there.
     *
     * @param  int|string  $id  1 to 64 of letters, digits, `-`, `_`, `.`
     * @param  string|null  $link  rtsp://…; null where the gateway's CAMERAS_FILE has a camera of this name
     * @param  array<string, mixed>  $options  `username` and `password` where the link holds none; `audio` => false leaves
     *     the sound out; `warm` => true keeps the stream where nobody watches; `viewer`, `address` and `seconds` are those
     *     of {@see token()}, for the token that a gateway with STREAM_SECRET puts into the path
     *
     * @throws CamgateException
     */
    public function start(
        $id,
        #[\SensitiveParameter]
        ?string $link = null,
        #[\SensitiveParameter]
        array $options = []
    ): Stream {
        $unknown = array_diff(array_keys($options), self::OPTIONS);
        if ($unknown !== []) {
            throw new InvalidArgumentException('camgate: start has no option '.implode(', ', $unknown).'.');
        }
        $fields = ['indicator_id' => (string) $id];
        if ($link !== null) {
            $fields['rtsp_link'] = $link;
        }
        $texts = ['username' => 'username', 'password' => 'password', 'viewer' => 'viewer', 'address' => 'address', 'seconds' => 'expires_in'];
        foreach ($texts as $name => $field) {
            if (($options[$name] ?? '') !== '') {
                $fields[$field] = (string) $options[$name];
            }
        }
        foreach (['audio', 'warm'] as $name) {
            if (isset($options[$name])) {
                $fields[$name] = $options[$name] ? '1' : '0';
            }
        }
        $answer = $this->ask('POST', '/api/stream/start', $fields);

        return new Stream((string) $id, (string) $answer['stream_path'], $this->publicUrl(), (string) $answer['status']);
    }

    /**
     * Stops a stream.
     *
     * @param  int|string  $id
     * @return bool false where there was none
     *
     * @throws CamgateException
     */
    public function stop($id): bool
    {
        try {
            $this->ask('POST', '/api/stream/stop', ['indicator_id' => (string) $id]);

            return true;
        } catch (StreamNotFound $notFound) {
            return false;
        }
    }

    /**
     * How a stream is: `state` (connecting, live, reconnecting), `viewers`, `width`, `last_error` and more, as
     * docs/api.md has them.
     *
     * @param  int|string  $id
     * @return array<string, mixed>
     *
     * @throws CamgateException of which StreamNotFound tells by `ended()` why it ended
     */
    public function status($id): array
    {
        return $this->ask('GET', '/api/stream/status', ['indicator_id' => (string) $id]);
    }

    /**
     * The same of all streams.
     *
     * @return array<int, array<string, mixed>>
     *
     * @throws CamgateException
     */
    public function streams(): array
    {
        return $this->ask('GET', '/api/streams')['streams'];
    }

    /**
     * How the gateway is: `status`, `active_streams`, `version`, `uptime_seconds`.
     *
     * @return array<string, mixed>
     *
     * @throws CamgateException
     */
    public function health(): array
    {
        return $this->ask('GET', '/api/health');
    }

    /**
     * The addresses of a stream that runs, for one viewer. It asks nothing of the gateway: whether the stream is there
     * shows when it is played.
     *
     * @param  int|string  $id
     * @param  array<string, mixed>  $claims  as those of {@see token()}
     */
    public function stream($id, array $claims = []): Stream
    {
        $path = '/streams/'.rawurlencode((string) $id).'/stream.m3u8';
        if ($this->has('secret')) {
            $path .= '?token='.$this->token($id, $claims);
        }

        return new Stream((string) $id, $path, $this->publicUrl());
    }

    /**
     * A token with which a viewer may watch this stream, and no other.
     *
     * @param  int|string  $id
     * @param  array<string, mixed>  $claims  `seconds` that it is good for; `viewer`, who it was made for; `address`, the only
     *     one that may use it; `nbf`, the time before which it is not good
     */
    public function token($id, array $claims = []): string
    {
        if (! $this->has('secret')) {
            throw new InvalidArgumentException('camgate: a token needs CAMGATE_STREAM_SECRET, the gateway\'s STREAM_SECRET.');
        }
        $seconds = (int) ($claims['seconds'] ?? $this->config['token_seconds'] ?? 21600);
        unset($claims['seconds']);

        return Token::mint($this->config['secret'], (string) $id, time() + $seconds, $claims);
    }

    /**
     * Asks until there is an answer, within the tries and the time that there are.
     *
     * All of the API may be asked twice: a start finds the stream that the first one left, a stop finds none.
     *
     * @param  array<string, string>  $fields
     * @return array<string, mixed>
     */
    private function ask(
        string $method,
        string $path,
        #[\SensitiveParameter]
        array $fields = []
    ): array {
        $end = microtime(true) + ($this->config['timeout'] ?? 15);
        for ($try = 0; ; $try++) {
            try {
                return $this->once($method, $path, $fields, $end - microtime(true));
            } catch (CamgateException $failure) {
                $wait = $failure->retryAfter() ?? 0.25 * 2 ** $try;
                $helps = $failure instanceof GatewayDown || $failure instanceof Busy;
                if (! $helps || $try >= ($this->config['retries'] ?? 0) || microtime(true) + $wait >= $end) {
                    throw $failure;
                }
                ($this->sleep)($wait);
            }
        }
    }

    /**
     * @param  array<string, string>  $fields
     * @return array<string, mixed>
     */
    private function once(
        string $method,
        string $path,
        #[\SensitiveParameter]
        array $fields,
        float $seconds
    ): array {
        // A redirected POST would become a GET, without the fields.
        $request = $this->http->acceptJson()->withoutRedirecting()->timeout(max(1, (int) ceil($seconds)));
        $connect = (int) ($this->config['connect_timeout'] ?? 2);
        // Laravel 8 knows it as an option alone, and later ones would merge it with their own.
        $request = method_exists($request, 'connectTimeout')
            ? $request->connectTimeout($connect)
            : $request->withOptions(['connect_timeout' => $connect]);
        if ($this->has('token')) {
            $request = $request->withToken($this->config['token']);
        }
        $url = rtrim((string) $this->config['url'], '/').$path;
        try {
            $response = $method === 'GET' ? $request->get($url, $fields) : $request->post($url, $fields);
        } catch (ConnectionException | TransferException $failure) {
            // Told and not kept: it holds the request, and that the link.
            $reason = "camgate does not answer at {$this->config['url']}: {$failure->getMessage()}";
            throw new GatewayDown('gateway_down', $reason);
        }

        return $this->read($response);
    }

    /**
     * @param  Response  $response  it remembers its request
     * @return array<string, mixed>
     */
    private function read(
        #[\SensitiveParameter]
        Response $response
    ): array {
        $json = $response->json();
        if ($response->successful() && is_array($json)) {
            return $json;
        }
        throw CamgateException::of($response->status(), is_array($json) ? $json : [], [
            'request_id' => $response->header('X-Request-Id'),
            'retry_after' => $response->header('Retry-After'),
        ]);
    }

    private function publicUrl(): string
    {
        return rtrim((string) ($this->has('public_url') ? $this->config['public_url'] : $this->config['url']), '/');
    }

    private function has(string $setting): bool
    {
        return (string) ($this->config[$setting] ?? '') !== '';
    }
}
