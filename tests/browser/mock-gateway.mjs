// A gateway made of cardboard, for working on the page: every state a card can be in, and HLS from a folder.
// Not a test double: the tests run the real gateway.
//
//   node tests/browser/mock-gateway.mjs [--port 8088] [--hls FOLDER] [--page FOLDER] [--empty]
//
// Then `npm run dev` in web/. `--hls`: a folder with stream.m3u8, e.g. written by ffmpeg; every live stream plays it.
// `--page`: also serves a built page (web/dist), under the policy that camgate sends.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8088' },
    hls: { type: 'string' },
    page: { type: 'string' },
    empty: { type: 'boolean', default: false },
  },
});

const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; " +
  "worker-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'";
const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css',
  js: 'text/javascript',
  svg: 'image/svg+xml',
  m3u8: 'application/vnd.apple.mpegurl',
  mp4: 'video/mp4',
  m4s: 'video/iso.segment',
  ts: 'video/mp2t',
};

const startedAt = Date.now();
const streams = new Map();

function add(id, changes) {
  const status = {
    indicator_id: id,
    state: 'live',
    codec: 'H.264',
    rfc6381: 'avc1.64001f',
    width: 1280,
    height: 720,
    frame_rate: 25,
    bitrate_bps: 2_140_000,
    audio: { codec: 'AAC', rfc6381: 'mp4a.40.2', source: 'AAC', sample_rate: 48_000, channels: 2 },
    audio_note: null,
    idle_seconds: 1,
    viewers: 1,
    segments: 5,
    bytes_held: 2_600_000,
    reconnects: 0,
    packets_lost: 0,
    last_error: null,
    warning: null,
    source: 'rtsp://192.0.2.10:554/stream1',
    stream_path: `/streams/${id}/stream.m3u8`,
    ...changes,
  };
  streams.set(id, { status, since: Date.now() - (changes?.uptime_seconds ?? 0) * 1000 });
}

if (!options.empty) {
  const unknown = { codec: null, rfc6381: null, width: null, height: null, frame_rate: null, bitrate_bps: null, audio: null };
  add('front-door', { viewers: 3, uptime_seconds: 3_725 });
  add('warehouse-aisle-12', { width: 3840, height: 2160, bitrate_bps: 12_300_000, frame_rate: 29.97, viewers: 0, uptime_seconds: 184_000, source: 'rtsp://10.20.30.40:8554/Streaming/Channels/101?transportmode=unicast&profile=Profile_1' });
  add('car-park', { state: 'reconnecting', reconnects: 2, packets_lost: 41, uptime_seconds: 640, last_error: 'The camera closed the connection. Trying again in 4 s.' });
  add('loading-bay', { ...unknown, state: 'connecting', viewers: 1, uptime_seconds: 2, source: 'rtsp://192.0.2.77/live' });
  add('gate.north_1', { width: 640, height: 360, bitrate_bps: 412_000, frame_rate: 12.5, audio: null, audio_note: 'the camera sends Opus; camgate carries AAC, G.711 and L16', viewers: 1, uptime_seconds: 59 });
}

const problem = (status, code, title, detail) => ({
  status,
  body: { type: `urn:camgate:${code}`, title, status, code, detail },
  type: 'application/problem+json',
});
const json = (body) => ({ status: 200, body, type: 'application/json' });
const missing = (id) => problem(404, 'stream_not_found', 'No such stream', `No stream with the id ${id} is running.`);
const statusOf = ({ status, since }) => ({ ...status, uptime_seconds: (Date.now() - since) / 1000 });

async function api(request, url) {
  let body = '';
  for await (const chunk of request) body += chunk;
  const given = body === '' ? Object.fromEntries(url.searchParams) : JSON.parse(body);
  const id = given.indicator_id;
  switch (url.pathname) {
    case '/api/streams':
      return json({ streams: [...streams.values()].map(statusOf) });
    case '/api/health':
      return json({ status: 'healthy', active_streams: streams.size, version: '0.1.0', uptime_seconds: (Date.now() - startedAt) / 1000 });
    case '/api/stream/status':
      return streams.has(id) ? json(statusOf(streams.get(id))) : missing(id);
    case '/api/stream/stop':
      return streams.delete(id) ? json({ indicator_id: id, status: 'stopped' }) : missing(id);
    case '/api/stream/start': {
      if (/wrong/.test(given.rtsp_link)) {
        return problem(502, 'camera_auth_failed', 'The camera refused the login', 'It answered 401 to the given user and password. Check both, and whether the camera allows RTSP for this user.');
      }
      const status = streams.has(id) ? 'active' : 'started';
      if (status === 'started') add(id, { source: given.rtsp_link });
      return json({ stream_path: `/streams/${id}/stream.m3u8`, status });
    }
    default:
      return problem(404, 'not_found', 'No such address', '');
  }
}

async function file(root, name) {
  const full = path.join(root, path.normalize(`/${name}`));
  return { status: 200, raw: await readFile(full), type: TYPES[path.extname(full).slice(1)] ?? 'application/octet-stream' };
}

async function answer(request) {
  const url = new URL(request.url, 'http://mock');
  if (url.pathname.startsWith('/api/')) return api(request, url);
  const media = /^\/streams\/([^/]+)\/(.+)$/.exec(url.pathname);
  if (media) {
    const stream = streams.get(media[1]);
    if (!stream) return missing(media[1]);
    if (stream.status.state === 'connecting') {
      return problem(503, 'not_ready', 'There is no picture yet', 'The camera has accepted the connection and has sent no keyframe so far.');
    }
    return file(options.hls ?? '', media[2]);
  }
  if (options.page === undefined) return problem(404, 'not_found', 'No such address', 'The page is at `npm run dev`.');
  const page = url.pathname === '/' ? 'index.html' : url.pathname.startsWith('/player/') ? 'player.html' : url.pathname;
  return file(options.page, page);
}

createServer(async (request, response) => {
  const found = await answer(request).catch((error) => problem(404, 'not_found', 'Not found', error.code ?? error.message));
  response.writeHead(found.status, {
    'content-type': found.type,
    'cache-control': 'no-cache',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
  });
  response.end(found.raw ?? JSON.stringify(found.body));
}).listen(Number(options.port), '127.0.0.1', () => console.log(`mock gateway: http://127.0.0.1:${options.port}`));
