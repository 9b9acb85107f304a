// Plays each <video data-camgate-src="…"> of the page (<x-camgate-player mode="video">) by hls.js, or by Safari's own player.
// npm install hls.js, then in resources/js/app.js: import './vendor/camgate-player';

import Hls from 'hls.js';

/** Waits, in seconds, before an address is asked for again; after the last the player gives up. */
const WAITS = [1, 2, 4, 8, 15];

export function play(video) {
  let hls = null;
  let failures = 0;

  const load = (url) => {
    if (!Hls.isSupported()) {
      video.src = url;
      return;
    }
    hls?.destroy();
    hls = new Hls({ maxLiveSyncPlaybackRate: 1.1 });
    hls.on(Hls.Events.ERROR, (_, error) => error.fatal && failed(error));
    hls.loadSource(url);
    hls.attachMedia(video);
  };

  const failed = (error) => {
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR && failures === 0) {
      failures += 1;
      hls.recoverMediaError();
      return;
    }
    again();
  };

  const again = () => {
    hls?.destroy();
    hls = null;
    if (failures >= WAITS.length) {
      video.dispatchEvent(new CustomEvent('camgate-failed'));
      return;
    }
    setTimeout(async () => load(await fresh()), WAITS[failures] * 1000);
    failures += 1;
  };

  // The stream may have ended, the token expired: the application starts the one and makes the other.
  const fresh = async () => {
    const { camgateSrc, camgateRefresh } = video.dataset;
    if (!camgateRefresh) return camgateSrc;
    const csrf = document.querySelector('meta[name="csrf-token"]')?.content ?? '';
    try {
      const answer = await fetch(camgateRefresh, {
        method: 'POST',
        headers: { Accept: 'application/json', 'X-CSRF-TOKEN': csrf },
      });
      return answer.ok ? (await answer.json()).url : camgateSrc;
    } catch {
      return camgateSrc;
    }
  };

  video.addEventListener('playing', () => (failures = 0));
  video.addEventListener('error', () => !hls && again());
  load(video.dataset.camgateSrc);
}

document.querySelectorAll('video[data-camgate-src]').forEach(play);
