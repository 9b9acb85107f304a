// The page at `/player/{id}`: plays one stream, measures it, and says in words what went wrong.
// `?token=…` is the viewer's, where one is wanted. `?embed=1` is for a frame in another page: the picture and what it says,
// nothing else, and no calls of the API. `?native=1` forces the browser's own HLS player.

import * as api from './api';
import * as format from './format';
import { playlistPath, tokenOf } from './links';
import * as playback from './playback';
import { Problem, whyNoStream } from './problem';
import { Sound } from './sound';
import * as tokens from './tokens';
import { element, field, poll, type Poll, show } from './dom';

/** What the screen shows; tests read it as `data-state`. */
type Screen = 'loading' | 'playing' | 'paused' | 'buffering' | 'retrying' | 'stopped' | 'error';

const STATUS_MS = 2_000;
const STATS_MS = 500;
/** How seldom a page that shows a stopped stream looks whether it runs again: it may hang on a wall, with nobody to press. */
const LOOK_AGAIN_MS = 30_000;
/** A playlist may be held for 9 s until there is a picture. */
const PLAYLIST_TIMEOUT_MS = 12_000;
/** Waits before each new try after a failure. After the last, a person has to ask. */
const BACKOFF_SECONDS = [1, 2, 4, 8, 15];
/** Playing this long means that the trouble is over, and the tries are counted anew. */
const STEADY_SECONDS = 10;

const id = decodeURIComponent(location.pathname.replace(/^\/player\//, '').replace(/\/$/, ''));
const query = new URLSearchParams(location.search);
const embedded = query.get('embed') === '1';
const forceNative = query.get('native') === '1';

const screen = element('player', HTMLElement);
const video = element('video', HTMLVideoElement);
const retryButton = element('retry', HTMLButtonElement);
const sound = new Sound(video, element('sound', HTMLButtonElement));

let current: playback.Playback | null = null;
let tries = 0;
let retryTimer: number | undefined;
let playingSince: number | null = null;
let statusPoll: Poll | null = null;
let status: api.StreamStatus | null = null;
let token = tokens.streamToken(id);
/** Somebody who has been let in by a stream's token alone has no business with the API, nor has a frame in another page. */
let mayAskApi = !embedded && (token === null || tokens.apiMayAnswer());
/** A new token has been fetched, and is still to prove itself. */
let renewed = false;

// --- what the screen says

function setScreen(state: Screen, title = '', detail = ''): void {
  screen.dataset['state'] = state;
  // Behind the message the controls would be found by the Tab key and do nothing.
  video.controls = ['playing', 'paused', 'buffering'].includes(state);
  show(element('message-title', HTMLElement), title);
  show(element('message-detail', HTMLElement), detail);
  retryButton.hidden = !['retrying', 'stopped', 'error'].includes(state);
  element('back', HTMLElement).hidden = embedded || (state !== 'stopped' && state !== 'error');
  playingSince = state === 'playing' ? (playingSince ?? performance.now()) : null;
}

const isPlayable = (): boolean => current !== null;

// --- starting, failing, trying again

function play(): void {
  clearTimeout(retryTimer);
  current?.destroy();
  setScreen('loading', 'Loading', 'The first picture comes with the camera’s next keyframe.');
  const onFailure = (why: playback.Failure): void => void failed(why);
  const playlist = playlistPath(id, token);
  if (!forceNative && playback.hlsJsWorks()) {
    current = playback.playWithHlsJs(video, playlist, onFailure);
  } else if (playback.nativeWorks(video)) {
    current = playback.playNatively(video, playlist, onFailure);
  } else {
    giveUp('This browser cannot play HLS', 'It has neither Media Source Extensions nor an HLS player of its own.');
    return;
  }
  screen.dataset['engine'] = current.name;
  sound.play().catch((error: unknown) => {
    // A browser that refuses even muted autoplay leaves the controls to the person. Other rejections (the source was
    // replaced, or failed) are told by the events of what replaced it.
    if (error instanceof DOMException && error.name === 'NotAllowedError') setScreen('paused');
  });
  if (mayAskApi) statusPoll ??= poll(refreshStatus, () => STATUS_MS);
}

function release(): void {
  clearTimeout(retryTimer);
  current?.destroy();
  current = null;
}

function giveUp(title: string, detail: string): void {
  release();
  setScreen('error', title, detail);
}

function forgetStatus(): void {
  statusPoll?.end();
  statusPoll = null;
  status = null;
  showStatus();
}

function stopped(): void {
  release();
  // Players that poll a stopped stream for ever are a plague: hardly anything is asked any more until somebody presses.
  forgetStatus();
  const words = whyNoStream(new Problem(404, 'stream_not_found', '', ''), embedded);
  setScreen('stopped', words.title, words.detail);
  retryTimer = window.setTimeout(() => void lookAgain(), LOOK_AGAIN_MS);
}

async function lookAgain(): Promise<void> {
  const problem = document.hidden ? undefined : await whyNotLoaded();
  if (screen.dataset['state'] !== 'stopped') return;
  if (problem === null) {
    tries = 0;
    play();
  } else if (!problem?.isRefusal) {
    retryTimer = window.setTimeout(() => void lookAgain(), LOOK_AGAIN_MS);
  }
}

async function failed(why: playback.Failure): Promise<void> {
  const broken = current;
  if (why === 'begun-anew') {
    play();
    return;
  }
  if (why === 'codec') {
    const codec = status?.rfc6381 ?? 'the camera’s codec';
    const wayOut = 'Every browser has one for H.264: set the camera to it, or take its sub stream.';
    giveUp('This browser cannot decode the stream', `It has no decoder for ${codec}. ${wayOut}`);
    return;
  }
  if (why === 'decode') {
    giveUp('The picture could not be decoded', 'The browser’s decoder gave up on what the camera sends.');
    return;
  }
  const problem = await whyNotLoaded();
  if (current !== broken) return;
  if (problem?.status === 404) {
    stopped();
    return;
  }
  if (problem?.isRefusal) {
    const fresh = await newToken();
    if (current === broken) refused(problem, fresh);
    return;
  }
  const { title, detail } = whyNoStream(problem ?? new Problem(0, 'interrupted', 'The connection was interrupted', ''), embedded);
  const pause = BACKOFF_SECONDS[tries];
  if (pause === undefined) {
    giveUp(title, detail);
    return;
  }
  const wait = Math.max(pause, problem?.retryAfter ?? 0);
  tries += 1;
  release();
  setScreen('retrying', title, `${detail} Trying again in ${wait} s (${tries} of ${BACKOFF_SECONDS.length}).`.trim());
  retryTimer = window.setTimeout(play, wait * 1000);
}

/** The door is shut: another try with the same token would be one too many. */
function refused(problem: Problem, fresh: string | null): void {
  if (fresh !== null) {
    renewed = true;
    token = fresh;
    tokens.keepStreamToken(id, fresh);
    play();
    return;
  }
  forgetStatus();
  const { title, detail } = whyNoStream(problem, embedded);
  giveUp(title, detail);
  retryButton.hidden = problem.code === 'token_missing';
}

/** Another token for the stream, where the API hands this tab one. */
async function newToken(): Promise<string | null> {
  if (!mayAskApi || renewed) return null;
  try {
    return tokenOf((await api.status(id)).stream_path);
  } catch {
    return null;
  }
}

/** The gateway's reason why the playlist does not load; null when it does load. */
async function whyNotLoaded(): Promise<Problem | null> {
  try {
    await api.ask(playlistPath(id, token), {}, PLAYLIST_TIMEOUT_MS);
    return null;
  } catch (error) {
    return error as Problem;
  }
}

retryButton.addEventListener('click', () => {
  tries = 0;
  renewed = false;
  play();
});
video.addEventListener('play', () => current?.toLive());
video.addEventListener('playing', () => isPlayable() && setScreen('playing'));
video.addEventListener('pause', () => isPlayable() && !video.ended && setScreen('paused'));
video.addEventListener('waiting', () => {
  if (isPlayable() && screen.dataset['state'] !== 'loading') showWaiting();
});

/** Where the camera is not known to be lost, it may as well be the network that is slow, or this device. */
function showWaiting(): void {
  const lost = status !== null && status.state !== 'live';
  setScreen('buffering', lost ? 'Waiting for the camera' : 'Waiting for pictures');
}

// --- the camera's side

async function refreshStatus(): Promise<void> {
  try {
    status = await api.status(id);
  } catch (error) {
    if (!(error instanceof Problem)) return;
    if (error.status === 404) stopped();
    else if (error.isRefusal) doWithoutApi();
    // Otherwise the player may go on from its buffer. Once it waits, it is not for the camera.
    else if (screen.dataset['state'] === 'buffering') setScreen('buffering', error.title, error.detail);
    return;
  }
  if (screen.dataset['state'] === 'buffering') showWaiting();
  showStatus();
}

/** Plays on without what the API alone tells. */
function doWithoutApi(): void {
  mayAskApi = false;
  document.documentElement.dataset['api'] = 'none';
  forgetStatus();
}

function showStatus(): void {
  const badge = element('camera-state', HTMLElement);
  badge.hidden = status === null;
  badge.dataset['state'] = status?.state ?? '';
  show(badge, status === null ? '' : format.stateWord(status.state));
  screen.dataset['camera'] = status?.state ?? '';

  const note = element('camera-note', HTMLElement);
  note.hidden = status === null || status.state === 'live';
  const waiting = status?.state === 'reconnecting' ? 'The camera was lost; camgate is reconnecting' : 'camgate is connecting to the camera';
  const why = status?.last_error ? `: ${status.last_error}` : '';
  show(note, note.hidden ? '' : `${waiting}${why}.`);
  showStats();
}

// --- what is measured

function showStats(): void {
  sound.offer(status === null ? (current?.hasAudio() ?? false) : status.audio !== null);
  const date = current?.playingDate() ?? null;
  const exact = date === null ? null : (api.gatewayNow() - date.getTime()) / 1000;
  const behind = exact ?? current?.behindEdge() ?? null;
  const quality = video.getVideoPlaybackQuality?.();
  const facts: Record<string, string> = {
    latency: behind !== null && exact === null ? `about ${format.latency(behind)}` : format.latency(behind),
    resolution: format.resolution(video.videoWidth || status?.width, video.videoHeight || status?.height),
    bitrate: format.bitrate(current?.bitrate() ?? status?.bitrate_bps),
    dropped: quality && quality.totalVideoFrames > 0 ? `${quality.droppedVideoFrames} of ${quality.totalVideoFrames}` : format.UNKNOWN,
    frame_rate: format.frameRate(status?.frame_rate),
    codec: status?.codec ?? format.UNKNOWN,
    audio: status === null ? format.UNKNOWN : format.audio(status.audio),
    audio_note: format.sentence(status?.audio_note ?? null),
    reconnects: status === null ? format.UNKNOWN : String(status.reconnects),
    viewers: status === null ? format.UNKNOWN : String(status.viewers),
    engine: current?.name ?? format.UNKNOWN,
  };
  for (const [name, text] of Object.entries(facts)) show(field(document, name), text);
  element('behind', HTMLElement).hidden = behind === null;
  screen.dataset['latency'] = behind === null ? '' : behind.toFixed(3);
  if (playingSince !== null && performance.now() - playingSince > STEADY_SECONDS * 1000) {
    tries = 0;
    renewed = false;
  }
}

document.title = `${id} · camgate`;
show(element('title', HTMLElement), id);
if (embedded) document.documentElement.dataset['embed'] = '';
delete document.documentElement.dataset['waiting'];
window.setInterval(showStats, STATS_MS);
if (!mayAskApi) doWithoutApi();
play();
