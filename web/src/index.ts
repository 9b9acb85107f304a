// The page at `/`: the running streams as a grid, and the form that starts one.

import * as access from './access';
import * as api from './api';
import * as format from './format';
import { playerPath } from './links';
import { Problem, whyNoAnswer, type Words } from './problem';
import { apiToken } from './tokens';
import { element, field, poll, show, tell } from './dom';

const POLL_MS = 2_000;
/** While a camera is being connected: its first picture is a matter of tenths of a second. */
const CONNECTING_POLL_MS = 200;
/** While the API does not let this page in: only a change of the gateway's settings opens it. */
const REFUSED_POLL_MS = 30_000;

const grid = element('streams', HTMLUListElement);
const empty = element('empty', HTMLElement);
const offline = element('offline', HTMLElement);
const summary = element('summary', HTMLElement);
const template = element('card', HTMLTemplateElement);
const form = element('start', HTMLFormElement);
const result = element('start-result', HTMLElement);
const cards = new Map<string, HTMLElement>();
let connecting = false;
let refused = false;

// --- the grid

function addCard(id: string): HTMLElement {
  const card = (template.content.cloneNode(true) as DocumentFragment).firstElementChild as HTMLElement;
  card.dataset['id'] = id;
  show(field(card, 'id'), id);
  const play = field(card, 'play');
  play.setAttribute('aria-label', `Watch ${id}`);
  const stop = field(card, 'stop');
  stop.setAttribute('aria-label', `Stop ${id}`);
  stop.addEventListener('click', () => askToStop(id));
  cards.set(id, card);
  return card;
}

function fillCard(card: HTMLElement, status: api.StreamStatus): void {
  card.dataset['state'] = status.state;
  card.dataset['viewers'] = String(status.viewers);
  // A token in it is a new one each time.
  const player = playerPath(status.indicator_id, status.stream_path);
  for (const name of ['id', 'play']) (field(card, name) as HTMLAnchorElement).href = player;
  const facts: Record<string, string> = {
    state: format.stateWord(status.state),
    source: status.source,
    codec: status.codec ?? format.UNKNOWN,
    resolution: format.resolution(status.width, status.height),
    frame_rate: format.frameRate(status.frame_rate),
    bitrate: format.bitrate(status.bitrate_bps),
    viewers: String(status.viewers),
    uptime: format.duration(status.uptime_seconds),
  };
  for (const [name, text] of Object.entries(facts)) show(field(card, name), text);
  field(card, 'source').title = status.source;
  const error = field(card, 'last_error');
  // What went wrong before a camera came back is no news.
  const trouble = status.state === 'live' ? status.warning : status.last_error;
  error.hidden = !trouble;
  show(error, trouble ?? '');
}

function render(list: api.StreamStatus[]): void {
  const ids = new Set(list.map((status) => status.indicator_id));
  for (const [id, card] of cards) {
    if (!ids.has(id)) {
      card.remove();
      cards.delete(id);
    }
  }
  // Cards are kept and moved, so that a person's focus survives the next poll.
  list.sort((a, b) => a.indicator_id.localeCompare(b.indicator_id, undefined, { numeric: true }));
  list.forEach((status, index) => {
    const card = cards.get(status.indicator_id) ?? addCard(status.indicator_id);
    fillCard(card, status);
    if (grid.children[index] !== card) grid.insertBefore(card, grid.children[index] ?? null);
  });
  const live = list.filter((status) => status.state === 'live').length;
  show(summary, list.length === 0 ? '' : `${format.count(list.length, 'stream', 'streams')}, ${live} live`);
  connecting = list.some((status) => status.state === 'connecting');
  grid.dataset['state'] = 'ready';
  empty.hidden = list.length > 0;
}

async function refresh(): Promise<void> {
  if (access.isWanted()) return;
  try {
    const list = await api.streams();
    // It may have been asked before the token was forgotten.
    if (access.isWanted()) return;
    access.answered();
    refused = false;
    render(list);
    offline.hidden = true;
  } catch (error) {
    if (access.isWanted()) return;
    if (error instanceof Problem && error.code === 'unauthorized') {
      access.want();
      return;
    }
    grid.dataset['state'] = 'stale';
    refused = error instanceof Problem && error.isRefusal;
    tell(offline, wordsOf(error));
  }
}

access.onChange(async (isOpen) => {
  offline.hidden = true;
  result.hidden = true;
  showCommand();
  if (isOpen) await Promise.all([streams.now(), refreshHealth()]);
  else render([]);
});

async function refreshHealth(): Promise<void> {
  const line = element('health', HTMLElement);
  try {
    const health = await api.health();
    line.dataset['state'] = health.status;
    const active = format.count(health.active_streams, 'active stream', 'active streams');
    show(line, `camgate ${health.version} · ${active} · up ${format.duration(health.uptime_seconds)}`);
  } catch {
    line.dataset['state'] = 'unknown';
  }
}

// --- stopping one

const dialog = element('confirm', HTMLDialogElement);
let stopping = '';

function askToStop(id: string): void {
  stopping = id;
  const viewers = Number(cards.get(id)?.dataset['viewers'] ?? 0);
  show(element('confirm-title', HTMLElement), `Stop ${id}?`);
  const watching = `${format.count(viewers, 'person is', 'people are')} watching. `;
  show(
    element('confirm-detail', HTMLElement),
    `${viewers > 0 ? watching : ''}The camera is let go and the stream’s address stops working.`,
  );
  dialog.returnValue = 'cancel';
  dialog.showModal();
}

dialog.addEventListener('close', () => {
  if (dialog.returnValue === 'stop') void stopStream(stopping);
});

async function stopStream(id: string): Promise<void> {
  const button = cards.get(id)?.querySelector<HTMLButtonElement>('button');
  if (button) button.disabled = true;
  try {
    await api.stop(id);
  } catch (error) {
    // Stopped by somebody else in the meantime: what was wanted.
    if (!(error instanceof Problem && error.status === 404)) say('bad', `${id} could not be stopped. ${wordsOf(error).title}`, wordsOf(error).detail);
  } finally {
    if (button) button.disabled = false;
    await Promise.all([streams.now(), refreshHealth()]);
    // The button that had the focus is gone with its card.
    if (!cards.has(id)) grid.focus();
  }
}

// --- starting one

const wordsOf = (error: unknown): Words =>
  error instanceof Problem ? whyNoAnswer(error) : { title: 'The page is at fault', detail: String(error) };

function say(kind: 'good' | 'bad', title: string, detail: string, link?: string): void {
  result.className = `notice notice-${kind}`;
  const strong = document.createElement('strong');
  strong.textContent = title;
  const parts: (Node | string)[] = [strong];
  if (detail !== '' && detail !== title) parts.push(' ', detail);
  if (link !== undefined) {
    const watch = document.createElement('a');
    watch.href = link;
    watch.textContent = 'Watch it';
    parts.push(' ', watch);
  }
  result.replaceChildren(...parts);
  result.hidden = false;
}

const startedWords = { started: 'is running', active: 'was running already', restarted: 'has moved to the new link' };

/** Says which field is wrong, beside that field, before anything is sent. */
function checkFields(): boolean {
  const id = element('indicator_id', HTMLInputElement);
  const link = element('rtsp_link', HTMLInputElement);
  link.value = link.value.trim();
  id.value = id.value.trim();
  const wrong: [HTMLInputElement, boolean][] = [
    [id, !id.checkValidity()],
    [link, link.value !== '' && !/^rtsps?:\/\/[^/\s]/i.test(link.value)],
  ];
  for (const [input, isWrong] of wrong) input.setAttribute('aria-invalid', String(isWrong));
  const first = wrong.find(([, isWrong]) => isWrong)?.[0];
  if (first === undefined) return true;
  first.focus();
  if (first === id) say('bad', 'The id cannot be used.', 'Give 1 to 64 letters, digits, “-”, “_” or “.”.');
  else say('bad', 'This is no RTSP link.', 'It begins with rtsp:// and the camera’s address.');
  return false;
}

async function startStream(): Promise<void> {
  const values = new FormData(form);
  const value = (name: string): string => String(values.get(name) ?? '');
  const request: api.StartRequest = { indicator_id: value('indicator_id') };
  for (const name of ['rtsp_link', 'username', 'password'] as const) {
    if (value(name) !== '') request[name] = value(name);
  }

  const button = form.querySelector('button') as HTMLButtonElement;
  button.disabled = true;
  show(button, 'Connecting to the camera…');
  result.hidden = true;
  try {
    const started = await api.start(request);
    const link = playerPath(request.indicator_id, started.stream_path);
    say('good', `${request.indicator_id} ${startedWords[started.status] ?? 'is running'}.`, '', link);
    form.reset();
    await Promise.all([streams.now(), refreshHealth()]);
  } catch (error) {
    const { title, detail } = wordsOf(error);
    say('bad', `${title}.`, detail);
  } finally {
    button.disabled = false;
    show(button, 'Start stream');
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (checkFields()) void startStream();
});

// --- the page

function showCommand(): void {
  const authorised = apiToken() === null ? '' : ` \\
  -H "Authorization: Bearer $TOKEN"`;
  show(
    element('curl', HTMLElement),
    `curl -X POST ${location.origin}/api/stream/start${authorised} \\
  -H 'Content-Type: application/json' \\
  -d '{"indicator_id": "front-door", "rtsp_link": "rtsp://192.0.2.10:554/stream1"}'`,
  );
}

showCommand();
const streams = poll(refresh, () => (refused ? REFUSED_POLL_MS : connecting ? CONNECTING_POLL_MS : POLL_MS));
poll(refreshHealth, () => 5 * POLL_MS);
// Who is here is about to watch: the player's code, nearly all of it hls.js, is fetched and compiled before the click.
if ('requestIdleCallback' in window) requestIdleCallback(() => void import('./playback').catch(() => undefined));
