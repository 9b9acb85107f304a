// What the gateway answers, and the calls that ask for it. No page and no formatting here.

import { Problem, problemFrom, unreachable } from './problem';
import { apiToken } from './tokens';

export type CameraState = 'connecting' | 'live' | 'reconnecting';

/** One stream as `GET /api/stream/status` tells it. Null: not known yet. */
export interface StreamStatus {
  indicator_id: string;
  state: CameraState;
  codec: string | null;
  rfc6381: string | null;
  width: number | null;
  height: number | null;
  /** Frames a second. */
  frame_rate: number | null;
  bitrate_bps: number | null;
  /** The audio beside the video; null if there is none. */
  audio: AudioStatus | null;
  /** Why there is no audio, or none is heard, where one might expect some. */
  audio_note: string | null;
  uptime_seconds: number;
  idle_seconds: number;
  viewers: number;
  segments: number;
  bytes_held: number;
  reconnects: number;
  packets_lost: number;
  last_error: string | null;
  /** What shortens the playlist, in words. */
  warning?: string | null;
  /** The camera's address without its credentials. */
  source: string;
  stream_path: string;
}

export interface AudioStatus {
  /** What players get, */
  codec: string;
  rfc6381: string;
  /** and what the camera sends. */
  source: string;
  /** Hz. */
  sample_rate: number;
  channels: number;
}

export interface Health {
  status: string;
  active_streams: number;
  version: string;
  uptime_seconds: number;
}

export interface StartRequest {
  indicator_id: string;
  /** Left out for a camera that the gateway has by that name. */
  rtsp_link?: string;
  username?: string;
  password?: string;
}

export interface Started {
  /** With a token in its query where viewers need one, as in {@link StreamStatus}. */
  stream_path: string;
  status: 'started' | 'active' | 'restarted';
}

// A gateway that accepts the connection and then says nothing is as good as gone. Starting a camera may take long:
// START_TIMEOUT_SECONDS on the gateway bounds that one.
const ANSWER_TIMEOUT_MS = 8_000;

/** The `Date` header tells whole seconds only: a smaller difference is no proof that this device's clock is wrong. */
const CLOCK_TOLERANCE_MS = 2_000;
let clockOffsetMs = 0;

/** The gateway's wall clock, milliseconds since the epoch. Latency is nonsense on a device whose clock is wrong. */
export const gatewayNow = (): number => Date.now() + clockOffsetMs;

/** Asks the gateway. Throws a {@link Problem}, whatever went wrong. */
export async function ask(path: string, init: RequestInit = {}, timeoutMs = ANSWER_TIMEOUT_MS): Promise<Response> {
  const abort = new AbortController();
  const timer = timeoutMs > 0 ? setTimeout(() => abort.abort(), timeoutMs) : undefined;
  try {
    const response = await fetch(path, { cache: 'no-store', ...init, signal: abort.signal });
    const told = Date.parse(response.headers.get('date') ?? '');
    const offset = told + 500 - Date.now();
    clockOffsetMs = Math.abs(offset) > CLOCK_TOLERANCE_MS ? offset : 0;
    const body = await response.text();
    if (!response.ok) throw problemFrom(response.status, body, response.headers.get('retry-after'));
    return new Response(body, { headers: response.headers });
  } catch (error) {
    throw error instanceof Problem ? error : unreachable();
  } finally {
    clearTimeout(timer);
  }
}

async function json<T>(path: string, init: RequestInit = {}, timeoutMs?: number): Promise<T> {
  const headers = new Headers(init.headers);
  const token = apiToken();
  if (token !== null) headers.set('authorization', `Bearer ${token}`);
  const response = await ask(path, { ...init, headers }, timeoutMs);
  return (await response.json()) as T;
}

function post<T>(path: string, body: object, timeoutMs?: number): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  return json<T>(path, { method: 'POST', headers, body: JSON.stringify(body) }, timeoutMs);
}

export const streams = async (): Promise<StreamStatus[]> =>
  (await json<{ streams: StreamStatus[] }>('/api/streams')).streams;

export const status = (id: string): Promise<StreamStatus> =>
  json(`/api/stream/status?indicator_id=${encodeURIComponent(id)}`);

export const health = (): Promise<Health> => json('/api/health');

/** Credentials go in the body: a link in a query would land in access logs. */
export const start = (request: StartRequest): Promise<Started> => post('/api/stream/start', request, 0);

export const stop = (id: string): Promise<unknown> => post('/api/stream/stop', { indicator_id: id });
