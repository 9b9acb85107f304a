// Two ways to play a playlist in a video element: hls.js, and the browser's own HLS player. Which one, and what to do
// when one fails, is the page's business (player.ts).

import Hls, { type HlsConfig } from 'hls.js/light';
import { BEHIND_LIVE, Latency } from './latency';
import { keepPartsInMind } from './parts';
import workerPath from 'hls.js/dist/hls.worker.js?url';

/**
 * Why a playback ended. `network`: ask the gateway what is wrong; `decode`: trying again will not help; `begun-anew`: what is in the
 * playlist now does not follow what was, and is to be played from its beginning.
 */
export type Failure = 'network' | 'decode' | 'codec' | 'begun-anew';

export interface Playback {
  /** What plays, as a person may read it. */
  readonly name: string;
  /** Wall-clock time of the picture on screen (EXT-X-PROGRAM-DATE-TIME), where the player tells. */
  playingDate(): Date | null;
  /** Seconds behind the end of the playlist: all that is known without a date. */
  behindEdge(): number | null;
  /** Bits a second of the media lately received, where the player tells. */
  bitrate(): number | null;
  /** Whether there is something to hear, as far as the player tells. */
  hasAudio(): boolean;
  /** Goes on at the live edge: a camera is watched live, also by who comes back from a pause. */
  toLive(): void;
  destroy(): void;
}

/** Media bitrate is taken over so much media: long enough to hold a keyframe or two, short enough to follow. */
const BITRATE_SECONDS = 10;
/** A second media error this soon after a recovery is the stream's fault and not a hiccup of the decoder. */
const RECOVERY_GRACE_MS = 10_000;
/** Later than the live position by less than this is no reason to skip anything: without parts, and with them. */
const PAUSE_TOLERANCE_SECONDS = 2;
const PAUSE_TOLERANCE_PARTS_SECONDS = 0.3;

export const hlsJsWorks = (): boolean => Hls.isSupported();
export const nativeWorks = (video: HTMLVideoElement): boolean =>
  video.canPlayType('application/vnd.apple.mpegurl') !== '';

/** Asks again for as long as the buffer lasts, about 10 s: a gateway that restarts in that time is not even noticed. */
function patientPolicy(): HlsConfig['playlistLoadPolicy'] {
  const { default: policy } = Hls.DefaultConfig.playlistLoadPolicy;
  return { default: { ...policy, errorRetry: { maxNumRetry: 4, retryDelayMs: 1_000, maxRetryDelayMs: 4_000 } } };
}

/** The first picture is held until this much is buffered, nearly a segment of full length, */
const HOLD_UNTIL = 0.6;
/** then for the time that the next segment may be late, */
const HOLD_MORE = 0.15;
/** and in all for no longer than this. */
const HOLD_AT_MOST = 1;
/** A playlist longer than this holds as much as a player wants. All are in target durations. */
const FULL_WINDOW = 2;

/**
 * Shows the first picture at once and lets it move when there is enough behind it. The first segments of a stream are
 * short, so that there is a picture soon; who plays on at once runs dry again and again until the first long one is there.
 * Where there are parts there is always the next one soon, and nothing is held.
 */
function holdFirstPicture(hls: Hls, video: HTMLVideoElement): void {
  let timer: number | undefined;
  let held = true;
  let enough = Infinity;
  const release = (): void => {
    held = false;
    clearTimeout(timer);
    hls.off(Hls.Events.FRAG_BUFFERED, onBuffered);
    video.playbackRate = 1;
  };
  const releaseAfter = (targetDurations: number, targetDuration: number): void => {
    clearTimeout(timer);
    timer = window.setTimeout(release, targetDurations * targetDuration * 1000);
  };
  const onBuffered = (): void => {
    const { buffered } = video;
    const end = buffered.length > 0 ? buffered.end(buffered.length - 1) : 0;
    if (end - video.currentTime < enough) return;
    hls.off(Hls.Events.FRAG_BUFFERED, onBuffered);
    releaseAfter(HOLD_MORE, enough / HOLD_UNTIL);
  };
  // Not before: taking a source sets the rate back.
  hls.once(Hls.Events.MEDIA_ATTACHED, () => {
    if (held) video.playbackRate = 0;
  });
  hls.once(Hls.Events.LEVEL_LOADED, (_event, { details }) => {
    // Long enough in the run for there to be segments of full length only.
    if (details.partList || details.totalduration > FULL_WINDOW * details.targetduration) return release();
    enough = HOLD_UNTIL * details.targetduration;
    releaseAfter(HOLD_AT_MOST, details.targetduration);
  });
  hls.on(Hls.Events.FRAG_BUFFERED, onBuffered);
  hls.once(Hls.Events.DESTROYING, release);
}

export function playWithHlsJs(video: HTMLVideoElement, url: string, onFailure: (why: Failure) => void): Playback {
  const hls = new Hls({
    workerPath,
    backBufferLength: 10,
    // Media and a place for it are made ready side by side.
    startFragPrefetch: true,
    playlistLoadPolicy: patientPolicy(),
    liveSyncDurationCount: BEHIND_LIVE,
    latencyController: Latency,
  });
  keepPartsInMind(hls);
  holdFirstPicture(hls, video);
  // MP4 is passed on as it is: starting a worker for that would only take time before the first picture.
  hls.once(Hls.Events.LEVEL_LOADED, (_event, { details }) => {
    hls.config.enableWorker = !details.fragments[0]?.initSegment;
  });
  const received: { bits: number; seconds: number }[] = [];
  let recoveredAt = -Infinity;

  const secondsReceived = (): number => received.reduce((sum, piece) => sum + piece.seconds, 0);
  hls.on(Hls.Events.FRAG_LOADED, (_event, { frag, part }) => {
    const { duration: seconds, stats } = part ?? frag;
    if (frag.sn === 'initSegment' || seconds <= 0) return;
    received.push({ bits: stats.loaded * 8, seconds });
    while (received.length > 1 && secondsReceived() > BITRATE_SECONDS) received.shift();
  });
  // hls.js 1.7 mostly finds no way across: it reads the playlist of a gateway that has restarted, and fetches nothing of it.
  let newest = Infinity;
  hls.on(Hls.Events.LEVEL_LOADED, (_event, { details }) => {
    const follows = details.startSN <= newest + 1;
    newest = details.fragmentHint?.sn ?? details.endSN;
    // hls.js is at work on this playlist.
    if (!follows) window.setTimeout(() => hls.media && onFailure('begun-anew'));
  });
  hls.on(Hls.Events.ERROR, (_event, data) => {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR) {
      const codec =
        data.details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR ||
        data.details === Hls.ErrorDetails.BUFFER_ADD_CODEC_ERROR;
      if (!codec && performance.now() - recoveredAt > RECOVERY_GRACE_MS) {
        recoveredAt = performance.now();
        hls.recoverMediaError();
        return;
      }
      onFailure(codec ? 'codec' : 'decode');
      return;
    }
    onFailure(data.type === Hls.ErrorTypes.NETWORK_ERROR ? 'network' : 'decode');
  });
  hls.attachMedia(video);
  hls.loadSource(url);

  return {
    name: `hls.js ${Hls.version}`,
    playingDate: () => hls.playingDate,
    behindEdge: () => (hls.latency > 0 ? hls.latency : null),
    bitrate: () => {
      const seconds = secondsReceived();
      return seconds > 0 ? received.reduce((sum, piece) => sum + piece.bits, 0) / seconds : null;
    },
    hasAudio: () => hls.levels.some(({ audioCodec }) => audioCodec !== undefined),
    toLive: () => {
      const live = hls.liveSyncPosition;
      const parts = hls.lowLatencyMode && hls.latestLevelDetails?.partList;
      const tolerance = parts ? PAUSE_TOLERANCE_PARTS_SECONDS : PAUSE_TOLERANCE_SECONDS;
      if (live !== null && live - video.currentTime > tolerance) video.currentTime = live;
    },
    destroy: () => hls.destroy(),
  };
}

export function playNatively(video: HTMLVideoElement, url: string, onFailure: (why: Failure) => void): Playback {
  const onError = (): void => {
    onFailure(video.error?.code === MediaError.MEDIA_ERR_DECODE ? 'decode' : 'network');
  };
  video.addEventListener('error', onError);
  video.src = url;

  return {
    name: 'the browser',
    playingDate: () => {
      // Only Safari tells the date of the start.
      const start = (video as { getStartDate?: () => Date }).getStartDate?.().getTime() ?? NaN;
      return Number.isFinite(start) ? new Date(start + video.currentTime * 1000) : null;
    },
    behindEdge: () => {
      // Chromium's player tells no seekable range of a live stream, and buffers up to the edge.
      const ranges = video.seekable.length > 0 ? video.seekable : video.buffered;
      return ranges.length > 0 ? ranges.end(ranges.length - 1) - video.currentTime : null;
    },
    bitrate: () => null,
    hasAudio: () => {
      // Safari's way to tell, and Chromium's.
      const tells = video as { audioTracks?: { length: number }; webkitAudioDecodedByteCount?: number };
      return (tells.audioTracks?.length ?? tells.webkitAudioDecodedByteCount ?? 0) > 0;
    },
    // The browser's own player does so by itself.
    toLive: () => undefined,
    destroy: () => {
      video.removeEventListener('error', onError);
      video.removeAttribute('src');
      video.load();
    },
  };
}
