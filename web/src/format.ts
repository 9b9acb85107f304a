// Numbers as people read them. Pure; everything answers UNKNOWN to what is not known.

export const UNKNOWN = '–';

const known = (value: number | null | undefined): value is number => typeof value === 'number' && Number.isFinite(value);

/** Bits a second, in the units of a camera's data sheet. */
export function bitrate(bps: number | null | undefined): string {
  if (!known(bps) || bps <= 0) return UNKNOWN;
  if (bps < 999_500) return `${Math.round(bps / 1000)} kbit/s`;
  return `${(bps / 1e6).toFixed(bps < 9.95e6 ? 2 : 1)} Mbit/s`;
}

/** Seconds, as the two largest units that matter. */
export function duration(seconds: number | null | undefined): string {
  if (!known(seconds) || seconds < 0) return UNKNOWN;
  const whole = Math.floor(seconds);
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

export function resolution(width: number | null | undefined, height: number | null | undefined): string {
  return known(width) && known(height) && width > 0 && height > 0 ? `${width}\u202f×\u202f${height}` : UNKNOWN;
}

export function frameRate(fps: number | null | undefined): string {
  return known(fps) && fps > 0 ? `${Number(fps.toFixed(2))} fps` : UNKNOWN;
}

/** Seconds behind live; a tenth is as fine as a person can tell, and of minutes the seconds. */
export function latency(seconds: number | null | undefined): string {
  if (!known(seconds)) return UNKNOWN;
  return seconds < 60 ? `${Math.max(0, seconds).toFixed(1)} s` : duration(seconds);
}

/** What is heard, and what it was made from: `FLAC from G.711 A-law, 8 kHz mono`. */
export function audio(track: { codec: string; source: string; sample_rate: number; channels: number } | null): string {
  if (track === null) return 'None';
  const from = track.source === track.codec ? '' : ` from ${track.source}`;
  const layout = ['', 'mono', 'stereo'][track.channels] ?? `${track.channels} channels`;
  return `${track.codec}${from}, ${Number((track.sample_rate / 1000).toFixed(2))}\u00a0kHz ${layout}`;
}

/** A reason as the gateway gives it, as a sentence of its own. */
export const sentence = (reason: string | null): string =>
  reason ? `${reason[0]?.toUpperCase() ?? ''}${reason.slice(1)}.` : '';

export function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}

const STATES: Record<string, string> = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting' };

/** A state this page does not know yet is shown as the gateway calls it. */
export const stateWord = (state: string): string => STATES[state] ?? state;
