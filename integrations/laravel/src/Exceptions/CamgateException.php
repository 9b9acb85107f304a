<?php

namespace Camgate\Exceptions;

use RuntimeException;

/**
 * The gateway's "no", or that it said nothing. A class for what a caller may want to tell apart; what has none of its own, and
 * answers that are no problem (RFC 9457) at all, are of this one.
 */
class CamgateException extends RuntimeException
{
    private const CLASSES = [
        'invalid_request' => InvalidRequest::class,
        'unauthorized' => Unauthorized::class,
        'api_not_public' => Unauthorized::class,
        'cross_site' => Unauthorized::class,
        'source_refused' => SourceRefused::class,
        'unsupported_codec' => UnsupportedCodec::class,
        'camera_unreachable' => CameraUnreachable::class,
        'camera_auth_failed' => CameraAuthFailed::class,
        'camera_rejected' => CameraRejected::class,
        'camera_timeout' => CameraTimeout::class,
        'busy' => Busy::class,
        'shutting_down' => Busy::class,
        'too_many_starts' => Busy::class,
        'too_many_streams' => TooManyStreams::class,
        'too_many_viewers' => TooManyStreams::class,
        'stream_not_found' => StreamNotFound::class,
        'stream_stopped' => StreamStopped::class,
        'token_missing' => TokenRefused::class,
        'token_invalid' => TokenRefused::class,
        'token_expired' => TokenRefused::class,
        'token_refused' => TokenRefused::class,
    ];

    /** @var string */
    private $problemCode;

    /** @var string */
    private $detail;

    /** @var int */
    private $status;

    /** @var array<string, mixed> */
    private $more;

    /** @param  array<string, mixed>  $more  other fields of the problem, `request_id` and `retry_after` */
    final public function __construct(string $problemCode, string $detail, int $status = 0, array $more = [])
    {
        parent::__construct($problemCode.': '.$detail);
        $this->problemCode = $problemCode;
        $this->detail = $detail;
        $this->status = $status;
        $this->more = $more;
    }

    /**
     * What an answer with this status is.
     *
     * @param  array<string, mixed>  $problem  its body
     * @param  array<string, mixed>  $headers  `request_id` and `retry_after`
     */
    public static function of(int $status, array $problem, array $headers = []): self
    {
        $headers = array_filter($headers, static function ($value): bool {
            return $value !== '';
        });
        if (isset($problem['code']) && is_string($problem['code'])) {
            $class = self::CLASSES[$problem['code']] ?? self::class;

            return new $class($problem['code'], (string) ($problem['detail'] ?? ''), $status, $headers + $problem);
        }
        // A proxy's word that nobody is behind it.
        if (in_array($status, [502, 503, 504], true)) {
            return new GatewayDown('gateway_down', "What stands before camgate answered {$status}.", $status, $headers);
        }

        return new self('unexpected_answer', "This is no answer of camgate's (status {$status}): is CAMGATE_URL right?", $status, $headers);
    }

    /** The problem's stable code, as docs/api.md lists them. */
    public function problemCode(): string
    {
        return $this->problemCode;
    }

    /** What went wrong, in English, for a person. It holds no link and no password. */
    public function detail(): string
    {
        return $this->detail;
    }

    /** The HTTP status; 0 where there was no answer. */
    public function status(): int
    {
        return $this->status;
    }

    /** By which the gateway's log has the request. */
    public function requestId(): ?string
    {
        return $this->text('request_id');
    }

    /** Seconds after which it is worth asking again. */
    public function retryAfter(): ?int
    {
        // A date, as RFC 9110 §10.2.3 allows, comes from none that is ours.
        return is_numeric($this->more['retry_after'] ?? null) ? max(0, (int) $this->more['retry_after']) : null;
    }

    /** The field that a refused request is about. */
    public function field(): ?string
    {
        return $this->text('field');
    }

    /** The camera's own status. */
    public function rtspStatus(): ?int
    {
        return isset($this->more['rtsp_status']) ? (int) $this->more['rtsp_status'] : null;
    }

    /** Why a stream ended that ran within the last ten minutes: `stopped`, `idle`, `memory` or `fault`. */
    public function ended(): ?string
    {
        return $this->text('ended');
    }

    /**
     * For Laravel's log.
     *
     * @return array<string, mixed>
     */
    public function context(): array
    {
        return array_filter(['camgate_code' => $this->problemCode, 'camgate_request_id' => $this->requestId()]);
    }

    private function text(string $name): ?string
    {
        $value = $this->more[$name] ?? '';

        return is_string($value) && $value !== '' ? $value : null;
    }
}
