// The page at `/player/{id}` of a camgate built without Node: same HTML and CSS as src/player.ts, played by the
// browser's own HLS player. Where a browser has none, it says so.

const byId = (id) => document.getElementById(id);
const id = decodeURIComponent(location.pathname.replace(/^\/player\//, '').replace(/\/$/, ''));
const query = new URLSearchParams(location.search);
const embedded = query.get('embed') === '1';
const token = ownToken(query.get('token'));
const playlist = `/streams/${encodeURIComponent(id)}/stream.m3u8${token ? `?token=${encodeURIComponent(token)}` : ''}`;
const screen = byId('player');
const video = byId('video');

/** The token of the link, which is taken out of the address bar and kept for a reload, or one that was kept. */
function ownToken(given) {
  const key = `camgate.stream-token.${id}`;
  try {
    if (given) sessionStorage.setItem(key, given);
    else return sessionStorage.getItem(key);
  } catch {
    // It is not kept.
  }
  query.delete('token');
  if (given) history.replaceState(null, '', `${location.pathname}${`?${query}`.replace(/^\?$/, '')}`);
  return given;
}

/** What status is asked with; null where there is no business with the API. */
function apiHeaders() {
  let apiToken = null;
  try {
    apiToken = sessionStorage.getItem('camgate.api-token');
  } catch {
    // There is none.
  }
  if (embedded || (token && !apiToken)) return null;
  return apiToken ? { authorization: `Bearer ${apiToken}` } : {};
}

// Without sound a page may start by itself. Who has turned it on once has it for the rest of the session.
const soundButton = byId('sound');
let pageMuted = true;
let hasAudio = false;

function chosen(on) {
  try {
    if (on !== undefined) sessionStorage.setItem('camgate.sound', on ? 'on' : 'off');
    return sessionStorage.getItem('camgate.sound') === 'on';
  } catch {
    return false;
  }
}

function showSound() {
  soundButton.hidden = !hasAudio || !video.muted;
}

function mute(muted) {
  pageMuted = video.muted = muted;
  showSound();
}

async function playWithSound() {
  mute(!chosen());
  try {
    await video.play();
  } catch (error) {
    if (error.name !== 'NotAllowedError' || video.muted) throw error;
    mute(true);
    await video.play();
  }
}

video.addEventListener('volumechange', () => {
  if (video.muted !== pageMuted) chosen(!video.muted);
  pageMuted = video.muted;
  showSound();
});
soundButton.addEventListener('click', () => {
  mute(false);
  if (video.volume === 0) video.volume = 1;
  chosen(true);
  video.play().catch(() => undefined);
  video.focus({ preventScroll: true });
});

function audioFact(audio) {
  if (audio === null) return 'None';
  const from = audio.source === audio.codec ? '' : ` from ${audio.source}`;
  const layout = ['', 'mono', 'stereo'][audio.channels] ?? `${audio.channels} channels`;
  return `${audio.codec}${from}, ${Number((audio.sample_rate / 1000).toFixed(2))} kHz ${layout}`;
}

function setScreen(state, title = '', detail = '') {
  screen.dataset.state = state;
  video.controls = ['playing', 'paused', 'buffering'].includes(state);
  byId('message-title').textContent = title;
  byId('message-detail').textContent = detail;
  byId('retry').hidden = state !== 'stopped' && state !== 'error';
  byId('back').hidden = embedded || byId('retry').hidden;
}

const ended = () => ['stopped', 'error'].includes(screen.dataset.state);

function end(state, title, detail) {
  setScreen(state, title, detail);
  video.removeAttribute('src');
  video.load();
  byId('camera-note').hidden = byId('behind').hidden = true;
  document.querySelector('.fact-note').textContent = '';
  for (const fact of document.querySelectorAll('dd[data-field]:not(.fact-note)')) fact.textContent = '–';
}

function play() {
  if (video.canPlayType('application/vnd.apple.mpegurl') === '') {
    end(
      'error',
      'This browser has no HLS player of its own',
      'Use Safari or a current Chrome, Edge or Android browser. This camgate was built without Node.js; one built with it plays in every browser.',
    );
    return;
  }
  setScreen('loading', 'Loading', 'The first picture comes with the camera’s next keyframe.');
  video.src = playlist;
  playWithSound().catch((error) => error.name === 'NotAllowedError' && setScreen('paused'));
}

const TRIES = 5;
let tries = 0;

async function explain() {
  const response = await fetch(playlist, { cache: 'no-store' }).catch(() => null);
  if (response === null) return end('error', 'The gateway does not answer', 'Check that camgate is running.');
  if (response.status === 404) return stopped();
  // There is something to play: Chromium's player gives up on a stream that has only just begun.
  if (response.ok && tries < TRIES) {
    tries += 1;
    setTimeout(play, 1000);
    return;
  }
  const problem = response.ok ? {} : await response.json().catch(() => ({}));
  if (problem.code === 'token_missing') {
    return end('error', 'This stream wants a token', 'Open it by the link that you were given.');
  }
  if (problem.code === 'token_expired') {
    return end('error', 'The time of this link has ended', 'Ask for a new one where you got it.');
  }
  return end('error', problem.title ?? 'The stream could not be played', problem.detail ?? '');
}

const stopped = () =>
  end('stopped', 'This stream is not running', 'It has been stopped, nobody watched it for a while, or it was never started. Start it on the page of all streams.');

video.addEventListener('error', () => ended() || void explain());
video.addEventListener('playing', () => {
  tries = 0;
  if (!ended()) setScreen('playing');
});
video.addEventListener('pause', () => ended() || setScreen('paused'));
video.addEventListener('waiting', () => screen.dataset.state === 'playing' && setScreen('buffering', 'Waiting for pictures'));
byId('retry').addEventListener('click', () => {
  tries = 0;
  play();
});

let headers = apiHeaders();

async function refresh() {
  if (headers === null) return;
  const response = await fetch(`/api/stream/status?indicator_id=${encodeURIComponent(id)}`, { headers }).catch(() => null);
  // It plays on without details.
  if (response?.status === 401 || response?.status === 403) headers = null;
  if (response?.status === 404) return stopped();
  if (response === null && screen.dataset.state === 'buffering') setScreen('buffering', 'The gateway does not answer');
  if (!response?.ok) return;
  const status = await response.json();
  hasAudio = status.audio !== null;
  showSound();
  const facts = {
    resolution: video.videoWidth ? `${video.videoWidth} × ${video.videoHeight}` : '–',
    bitrate: status.bitrate_bps ? `${(status.bitrate_bps / 1e6).toFixed(2)} Mbit/s` : '–',
    dropped: `${video.getVideoPlaybackQuality().droppedVideoFrames} of ${video.getVideoPlaybackQuality().totalVideoFrames}`,
    frame_rate: status.frame_rate ? `${Number(status.frame_rate.toFixed(2))} fps` : '–',
    codec: status.codec ?? '–',
    audio: audioFact(status.audio),
    audio_note: status.audio_note ? `${status.audio_note[0].toUpperCase()}${status.audio_note.slice(1)}.` : '',
    reconnects: String(status.reconnects),
    viewers: String(status.viewers),
    engine: 'the browser',
  };
  // Chromium's player tells no seekable range of a live stream, and buffers up to the edge.
  const ranges = video.seekable.length > 0 ? video.seekable : video.buffered;
  if (ranges.length > 0) {
    const behind = ranges.end(ranges.length - 1) - video.currentTime;
    facts.latency = `about ${behind.toFixed(1)} s`;
    screen.dataset.latency = behind.toFixed(3);
    byId('behind').hidden = false;
  }
  for (const [name, text] of Object.entries(facts)) document.querySelector(`[data-field="${name}"]`).textContent = text;
  const note = byId('camera-note');
  note.hidden = status.state === 'live';
  note.textContent = note.hidden ? '' : `The camera is ${status.state}. ${status.last_error ?? ''}`;
}

async function poll() {
  if (!document.hidden && !ended()) await refresh();
  setTimeout(poll, 2000);
}

document.title = `${id} · camgate`;
byId('title').textContent = id;
if (embedded) document.documentElement.dataset.embed = '';
if (headers === null) document.documentElement.dataset.api = 'none';
delete document.documentElement.dataset.waiting;
screen.dataset.engine = 'the browser';
play();
void poll();
