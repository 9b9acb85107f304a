// The page at `/` of a camgate built without Node: same HTML and CSS as src/index.ts, less comfort.
// Keep it small: what is missing here is what `npm run build` is for.

const POLL_MS = 2000;
const byId = (id) => document.getElementById(id);
const field = (parent, name) => parent.querySelector(`[data-field="${name}"]`);
const known = (value, text) => (value === null || value === undefined ? '–' : text(value));
const uptime = (seconds) => {
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

// One of the gateway's API_TOKENS, in this tab at most.
const TOKEN = 'camgate.api-token';
let token = null;

function kept(change) {
  try {
    if (change === null) sessionStorage.removeItem(TOKEN);
    else if (change !== undefined) sessionStorage.setItem(TOKEN, change);
    return sessionStorage.getItem(TOKEN);
  } catch {
    return null;
  }
}

token = kept();

function wantToken(wanted) {
  byId('access').hidden = !wanted;
  byId('forget').hidden = wanted || token === null;
  document.body.dataset.access = wanted ? 'wanted' : 'open';
}

async function ask(path, body) {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const init = body
    ? { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }
    : { headers };
  const response = await fetch(path, init).catch(() => {
    throw new Error('The gateway does not answer.');
  });
  const answer = await response.json().catch(() => ({}));
  if (answer.code === 'unauthorized') {
    byId('access-result').hidden = token === null;
    byId('access-result').textContent = 'The gateway does not know this token.';
    token = kept(null);
    wantToken(true);
  }
  if (!response.ok) {
    const title = answer.title ?? `The gateway answered ${response.status}`;
    throw new Error(answer.detail ? `${title}. ${answer.detail}` : title);
  }
  return answer;
}

function card(status) {
  const item = byId('card').content.cloneNode(true).firstElementChild;
  const set = (name, text) => (field(item, name).textContent = text);
  // With the token that viewers need, where they need one.
  const player = `/player/${encodeURIComponent(status.indicator_id)}${new URL(status.stream_path, location.origin).search}`;
  item.dataset.id = status.indicator_id;
  item.dataset.state = status.state;
  set('id', status.indicator_id);
  set('state', status.state.charAt(0).toUpperCase() + status.state.slice(1));
  set('source', status.source);
  set('codec', known(status.codec, String));
  set('resolution', known(status.width, (width) => `${width}\u202f×\u202f${status.height}`));
  set('frame_rate', known(status.frame_rate, (fps) => `${Number(fps.toFixed(2))} fps`));
  set('bitrate', known(status.bitrate_bps, (bps) => `${(bps / 1e6).toFixed(bps < 1e7 ? 2 : 1)} Mbit/s`));
  set('viewers', status.viewers);
  set('uptime', uptime(status.uptime_seconds));
  set('last_error', status.last_error ?? '');
  field(item, 'last_error').hidden = !status.last_error;
  field(item, 'id').href = player;
  field(item, 'play').href = player;
  field(item, 'stop').setAttribute('aria-label', `Stop ${status.indicator_id}`);
  field(item, 'stop').addEventListener('click', () => askToStop(status));
  return item;
}

let shown = '';

async function refresh() {
  if (document.body.dataset.access === 'wanted') return;
  const offline = byId('offline');
  try {
    const { streams } = await ask('/api/streams');
    wantToken(false);
    offline.hidden = true;
    // Drawing anew costs a person the focus: only when something changed, and then it is put back.
    const text = JSON.stringify(streams.map((s) => ({ ...s, uptime_seconds: Math.floor(s.uptime_seconds / 60), idle_seconds: 0 })));
    byId('streams').dataset.state = 'ready';
    if (text !== shown) {
      shown = text;
      const focus = document.activeElement;
      const focused = `[data-id="${focus.closest('.card')?.dataset.id}"] [data-field="${focus.dataset.field}"]`;
      byId('streams').replaceChildren(...streams.map(card));
      if (focus.dataset.field) document.querySelector(focused)?.focus();
      byId('empty').hidden = streams.length > 0;
      byId('summary').textContent = streams.length === 0 ? '' : `${streams.length} running`;
    }
    const health = await ask('/api/health');
    byId('health').dataset.state = health.status;
    byId('health').textContent = `camgate ${health.version} · active streams: ${health.active_streams} · built without Node`;
  } catch (error) {
    byId('streams').dataset.state = 'stale';
    offline.hidden = document.body.dataset.access === 'wanted';
    offline.textContent = error.message;
  }
}

function askToStop(status) {
  const dialog = byId('confirm');
  byId('confirm-title').textContent = `Stop ${status.indicator_id}?`;
  byId('confirm-detail').textContent = 'The camera is let go and the stream’s address stops working.';
  dialog.returnValue = 'cancel';
  dialog.addEventListener(
    'close',
    () => {
      if (dialog.returnValue !== 'stop') return;
      const stopped = ask('/api/stream/stop', { indicator_id: status.indicator_id });
      void stopped.catch((error) => say('bad', error.message)).then(refresh);
    },
    { once: true },
  );
  dialog.showModal();
}

function say(kind, words) {
  const result = byId('start-result');
  result.className = `notice notice-${kind}`;
  result.textContent = words;
  result.hidden = false;
}

byId('start').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const filled = [...new FormData(form)].filter(([, value]) => value !== '');
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    await ask('/api/stream/start', Object.fromEntries(filled));
    say('good', `${form.elements.indicator_id.value} is running.`);
    form.reset();
    await refresh();
  } catch (error) {
    say('bad', error.message);
  } finally {
    button.disabled = false;
  }
});

byId('access').addEventListener('submit', (event) => {
  event.preventDefault();
  token = byId('api_token').value.trim();
  byId('api_token').value = '';
  if (byId('remember').checked) kept(token);
  wantToken(false);
  void refresh();
});
byId('forget').addEventListener('click', () => {
  token = kept(null);
  byId('streams').replaceChildren();
  shown = '';
  wantToken(true);
});

byId('curl').textContent = `curl -X POST ${location.origin}/api/stream/start \\
  -H 'Content-Type: application/json' \\
  -d '{"indicator_id": "front-door", "rtsp_link": "rtsp://192.0.2.10:554/stream1"}'`;

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, POLL_MS);
}
void poll();
