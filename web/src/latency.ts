// How far behind live hls.js plays, and how it keeps to that. What to fetch, and when, is hls.js's business.

import Hls, { type HlsConfig } from 'hls.js/light';

/**
 * How far behind the end of a playlist without parts to start, in target durations. The playlist's end is up to a segment
 * old by then, and a segment is two thirds of a target duration: with segments of 2 s this is about 3 to 5 s behind live.
 * hls.js's own choice of three, 9 to 11 s, is for the open internet. It adds a second whenever playback runs dry.
 */
export const BEHIND_LIVE = 1;

/** With parts it is what the gateway asks for (PART-HOLD-BACK), and a part more each time that playback runs dry, */
const MOST_DRY = 5;
/** unless that lasts so long that it was the camera's doing, which no buffer makes up for, */
const OUTAGE_MS = 2_000;
/** until for so long it has not run dry: then a part less, and so on. */
const FORGOTTEN_MS = 30_000;

/**
 * hls.js fetches one part at a time. Where most of the last parts took longer than they last, and playback ran dry as well, it cannot
 * keep up with them – the viewer is a fifth of a second away, say – and goes on by whole segments, some seconds behind live.
 */
const LAST_PARTS = 10;
const MOST_PARTS = 6;

/** Nobody sees or hears a tenth faster or slower: sound keeps its pitch. */
const FASTER = 1.1;
const SLOWER = 0.9;
/** Seconds off the target at which the rate changes, */
const OFF = 0.1;
/** and at which it is 1 again. */
const NEAR = 0.02;
/** Later than this is skipped: it would take half a minute to catch up, or a person went there to see something again. */
const SKIP = 3;
/** The first picture is a keyframe that may be old. What is later than this is skipped as soon as so much is there */
const SKIP_FIRST = 0.5;
/** behind the live position, in parts, */
const ENOUGH_PARTS = 2;
/** if it is there so soon. Running dry counts from then on. */
const ARRIVING_MS = 2_000;

const LatencyController = Hls.DefaultConfig.latencyController as NonNullable<HlsConfig['latencyController']>;

/** In place of hls.js's own, which catches up only with more than a second in the buffer: here there is less. */
export class Latency extends LatencyController {
  private video: HTMLMediaElement | null = null;
  private dry = 0;
  private dryAt = 0;
  private waitingSince: number | null = null;
  private arrivesBy: number | null = null;
  private skipped = false;
  /** Whether each of the last parts took longer than it lasts. */
  private slow: boolean[] = [];

  constructor(private readonly player: Hls) {
    super(player);
    player.on(Hls.Events.MEDIA_ATTACHED, (_event, { media }) => {
      this.video = media;
      media.addEventListener('waiting', this.onWaiting);
      media.addEventListener('playing', this.onPlaying);
      media.addEventListener('timeupdate', this.keepUp);
    });
    player.on(Hls.Events.MEDIA_DETACHING, () => this.leave());
    player.on(Hls.Events.FRAG_BUFFERED, () => this.arrive());
    player.on(Hls.Events.FRAG_LOADED, (_event, { part }) => {
      if (!part) return;
      const { start, end } = part.stats.loading;
      this.slow = [...this.slow, end - start > part.duration * 1000].slice(-LAST_PARTS);
    });
  }

  override destroy(): void {
    this.leave();
    super.destroy();
  }

  private leave(): void {
    this.video?.removeEventListener('waiting', this.onWaiting);
    this.video?.removeEventListener('playing', this.onPlaying);
    this.video?.removeEventListener('timeupdate', this.keepUp);
    this.video = null;
  }

  /** Seconds behind the playlist's end that playback is to be. */
  override get targetLatency(): number | null {
    const details = this.player.latestLevelDetails;
    if (!details?.partList || !this.player.lowLatencyMode) return super.targetLatency;
    return details.partHoldBack + this.dry * details.partTarget;
  }

  override set targetLatency(seconds: number) {
    super.targetLatency = seconds;
  }

  /**
   * Where to go on at the live edge. A segment need not start with a keyframe, and hls.js looks for one no further back than
   * the start of the segment: where there is none, it is the latest one before.
   */
  override get liveSyncPosition(): number | null {
    const position = super.liveSyncPosition;
    const parts = this.player.lowLatencyMode ? this.player.latestLevelDetails?.partList : null;
    if (position === null || !parts || this.isBuffered(position)) return position;
    const before = parts.filter((part) => part.start <= position);
    const keyframe = before.filter((part) => part.independent).at(-1);
    if (keyframe === undefined || keyframe.fragment.sn === before.at(-1)?.fragment.sn) return position;
    return keyframe.start;
  }

  private isBuffered(position: number): boolean {
    const buffered = this.video?.buffered;
    for (let at = 0; buffered !== undefined && at < buffered.length; at += 1) {
      if (buffered.start(at) <= position && position < buffered.end(at)) return true;
    }
    return false;
  }

  /** Seconds later than it is to be; null where no parts are played, and lateness is left as it is. */
  get late(): number | null {
    const details = this.player.latestLevelDetails;
    const target = this.targetLatency;
    if (!details?.partList || !this.player.lowLatencyMode || target === null || this.video === null) return null;
    return details.edge + details.age - this.video.currentTime - target;
  }

  private arrive(): void {
    const { late, video } = this;
    if (late === null || video === null || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    this.arrivesBy ??= performance.now() + ARRIVING_MS;
    const live = video.currentTime + late;
    const parts = ENOUGH_PARTS * (this.player.latestLevelDetails?.partTarget ?? 0);
    if (this.skipped || performance.now() > this.arrivesBy || late < SKIP_FIRST || !this.isBuffered(live + parts)) return;
    this.skipped = true;
    video.currentTime = live;
  }

  private onWaiting = (): void => {
    const now = performance.now();
    if (this.video?.seeking === false && now > (this.arrivesBy ?? Infinity)) this.waitingSince ??= now;
  };

  private onPlaying = (): void => {
    if (this.waitingSince === null) return;
    const now = performance.now();
    const lasted = now - this.waitingSince;
    this.waitingSince = null;
    if (lasted < OUTAGE_MS) this.dry = Math.min(this.dry + 1, MOST_DRY);
    this.dryAt = now;
    if (this.slow.filter(Boolean).length >= MOST_PARTS) this.leaveParts();
    const live = this.liveSyncPosition;
    if (this.video !== null && live !== null && (this.late ?? 0) > SKIP) this.video.currentTime = live;
  };

  private leaveParts(): void {
    this.player.lowLatencyMode = false;
    if (this.video !== null) this.video.playbackRate = 1;
  }

  private keepUp = (): void => {
    const { late, video } = this;
    if (late === null || video === null || video.paused || video.seeking) return;
    const now = performance.now();
    if (this.dry > 0 && now - this.dryAt > FORGOTTEN_MS) {
      this.dry -= 1;
      this.dryAt = now;
    }
    const enough = video.playbackRate === 1 ? OFF : NEAR;
    let rate = 1;
    if (late > enough && late < SKIP) rate = FASTER;
    else if (late < -enough) rate = SLOWER;
    if (video.playbackRate !== rate) video.playbackRate = rate;
  };
}
