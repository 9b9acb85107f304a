@if ($mode === 'iframe')
<iframe {{ $attributes->merge(['style' => 'width: 100%; aspect-ratio: 16 / 9; border: 0']) }} src="{{ $stream->embedUrl() }}" title="{{ $title }}" allow="autoplay; fullscreen; picture-in-picture" referrerpolicy="no-referrer" loading="lazy"></iframe>
@else
<video {{ $attributes->merge(['style' => 'width: 100%; aspect-ratio: 16 / 9; background: #000']) }} data-camgate-src="{{ $stream->url() }}" @if ($refresh) data-camgate-refresh="{{ $refresh }}" @endif aria-label="{{ $title }}" muted autoplay playsinline controls></video>
@endif
