// Chromium with camgate's page in it, for the drivers beside this file: how it starts and ends, and how to look at the
// picture.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];
/** Below this spread of luminance (0 to 255) a picture is one colour: black, grey, or the green of a lost keyframe. */
const MIN_DEVIATION = 4;
/** Below this RMS, of 1, nothing is heard: -40 dBFS. */
const SILENCE = 0.01;

/** What did not happen, in words for a person. */
export class Failed extends Error {}

/** What `answer` gives, if it does so in time: a page that hangs answers nothing, and has no deadline of its own. */
export function inTime(what, ms, answer) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failed(`${what}: the browser has not answered for ${ms / 1000} s`)), ms);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

export const round = (value, digits) => (value === null ? null : Number(value.toFixed(digits)));

/** Runs `use` with a fresh page and the list of its console's errors, and ends the browser, whatever happens. */
export async function withPage({ screenshot, allowConsole }, use) {
  const profile = await mkdtemp(path.join(tmpdir(), 'camgate-browser-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    chromiumSandbox: false,
    args: FLAGS,
    viewport: { width: 1280, height: 900 },
  });
  try {
    const page = await browser.newPage();
    // Told by the page's own clock, from its navigation on: the driver's polling does not count.
    await page.addInitScript(() => {
      document.addEventListener('DOMContentLoaded', () => {
        const video = document.querySelector('video');
        video?.requestVideoFrameCallback((now) => (window.firstFrameAt = now));
        window.stalls = 0;
        performance.setResourceTimingBufferSize(10_000);
        video?.addEventListener('waiting', () => (window.stalls += window.firstFrameAt === undefined ? 0 : 1));
      });
    });
    const complaints = [];
    const allowed = allowConsole ? new RegExp(allowConsole) : null;
    const complain = (text) => allowed?.test(text) || complaints.push(text);
    page.on('console', (message) => message.type() === 'error' && complain(message.text()));
    page.on('pageerror', (error) => complain(String(error)));
    // The console tells the status alone.
    const refusals = [];
    page.on('response', async (response) => {
      if (response.status() < 400) return;
      refusals.push(`${response.status()} ${response.url()}: ${await response.text().catch(String)}`);
    });
    try {
      return await use(page, complaints);
    } catch (error) {
      if (complaints.length > 0) error.message += ` (console: ${complaints.slice(0, 5).join(' | ')})`;
      if (refusals.length > 0) error.message += ` (refused: ${refusals.slice(0, 5).join(' | ')})`;
      throw error;
    } finally {
      if (screenshot) await page.screenshot({ path: screenshot, timeout: 5_000 }).catch(() => undefined);
    }
  } finally {
    // One that hangs ends with this process.
    await inTime('closing', 5_000, browser.close()).catch(() => undefined);
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Polls the page until `check` answers true; says what the page showed when it never does. */
export async function until(page, what, deadline, check, argument) {
  const left = deadline - Date.now();
  try {
    await page.waitForFunction(check, argument, { timeout: Math.max(1, left), polling: 50 });
  } catch (error) {
    if (error.name !== 'TimeoutError') throw error;
    throw new Failed(`${what} did not happen in time; ${await describe(page)}`);
  }
}

export const describe = (page) =>
  page.evaluate(() => {
    const video = document.querySelector('video');
    const text = (selector) => document.querySelector(selector)?.textContent?.trim() ?? '';
    if (!video) {
      const cards = [...document.querySelectorAll('.card')].map((card) => `${card.dataset.id} ${card.dataset.state}`);
      return `streams: ${cards.join(', ') || 'none'}; ${text('#start-result')} ${text('#offline')}`;
    }
    const shown = `the page shows "${text('#message-title')} ${text('#message-detail')}"`;
    return (
      `${shown}, data-state ${document.querySelector('#player')?.dataset.state}, currentTime ${video.currentTime}, ` +
      `readyState ${video.readyState}, ${video.error ? `error ${video.error.code} ${video.error.message}` : 'no error'}`
    );
  });

/** Waits for the first picture. Returns the milliseconds to it since the navigation to the page. */
export async function firstPicture(page, deadline) {
  await until(page, 'the first picture', deadline, () => {
    const video = document.querySelector('video');
    // The page has given up: nothing to wait for.
    if (['stopped', 'error'].includes(document.querySelector('#player')?.dataset.state)) return true;
    return video !== null && video.videoWidth > 0 && video.readyState >= 2 && video.currentTime > 0;
  });
  const state = await page.evaluate(() => document.querySelector('#player')?.dataset.state);
  if (state === 'stopped' || state === 'error') throw new Failed(`there is no picture; ${await describe(page)}`);
  return page.evaluate(() => window.firstFrameAt ?? performance.now());
}

/** Waits until so many seconds of video have played from now on. */
export async function play(page, seconds, deadline) {
  // A jump to live is no playing: only steps that wall time can explain are counted. This timer may be late itself.
  await page.evaluate(() => {
    const video = document.querySelector('video');
    clearInterval(window.counting);
    window.played = 0;
    let [last, lastAt] = [video.currentTime, performance.now()];
    window.counting = setInterval(() => {
      const now = performance.now();
      const step = video.currentTime - last;
      if (step > 0 && step < 0.25 + (1.15 * (now - lastAt)) / 1000) window.played += step;
      [last, lastAt] = [video.currentTime, now];
    }, 100);
  });
  await until(page, `playing ${seconds} s`, deadline, (goal) => window.played >= goal, seconds);
}

/** The picture on screen, as mean and standard deviation of its luminance. */
export const look = (page) =>
  page.evaluate(() => {
    const video = document.querySelector('video');
    const canvas = new OffscreenCanvas(160, 90);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const luminance = [];
    for (let i = 0; i < data.length; i += 4) {
      luminance.push(0.2126 * data[i] + 0.7152 * data[i + 1] + 0.0722 * data[i + 2]);
    }
    const mean = luminance.reduce((a, b) => a + b, 0) / luminance.length;
    const deviation = Math.sqrt(luminance.reduce((a, b) => a + (b - mean) ** 2, 0) / luminance.length);
    return { mean, deviation, luminance };
  });

/** The same, for a picture that has to show something. */
export async function lookAtSomething(page) {
  const seen = await look(page);
  if (seen.deviation < MIN_DEVIATION) {
    throw new Failed(`the picture is one colour: luminance ${round(seen.mean, 1)}, deviation ${round(seen.deviation, 2)}`);
  }
  return seen;
}

/**
 * Listens to what the video plays, behind its mute and volume, until a tone of that frequency has been heard for so many
 * seconds on end. A picture that runs dry takes its sound along: then the seconds are counted anew.
 */
export async function hear(page, hertz, seconds, deadline) {
  await page.evaluate(async () => {
    const video = document.querySelector('video');
    // Heard by the analyser alone: the machine may have no loudspeaker.
    const context = new AudioContext({ sinkId: { type: 'none' } });
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    context.createMediaElementSource(video).connect(analyser).connect(context.destination);
    window.listening = { context, analyser };
    await context.resume();
  });
  const all = [];
  let heard = [];
  while (heard.length < seconds * 4) {
    if (Date.now() > deadline) {
      const last = all.slice(-20).map(({ rms, peak }) => `${round(rms, 3)} at ${round(peak, 0)} Hz`);
      throw new Failed(`a tone of ${hertz} Hz for ${seconds} s did not happen in time: ${last.join(', ')}; ${await describe(page)}`);
    }
    const now = await page.evaluate(listenOnce);
    all.push(now);
    const isTone = now.rms > SILENCE && Math.abs(now.peak - hertz) < 2 * now.resolution;
    heard = isTone ? [...heard, now] : [];
  }
  const mean = Math.sqrt(heard.reduce((sum, { rms }) => sum + rms ** 2, 0) / heard.length);
  await page.evaluate((heard) => (window.heard = heard), { rms: round(mean, 4), hertz: round(heard.at(-1).peak, 1) });
}

/** RMS and loudest frequency of what has been heard just now, a quarter of a second after the last look. */
async function listenOnce() {
  await new Promise((resolve) => setTimeout(resolve, 250));
  const { analyser, context } = window.listening;
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const spectrum = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(spectrum);
  const resolution = context.sampleRate / analyser.fftSize;
  const loudest = spectrum.reduce((best, level, at) => (level > spectrum[best] ? at : best), 0);
  const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length);
  return { rms, peak: loudest * resolution, resolution };
}

/**
 * How old each picture is when it is shown, for so many seconds: the camera `/clock` of `tests/e2e/gst_camera.py` paints the
 * time of day into it, and this machine's clock is its own. Milliseconds of ages and of time without a new picture.
 */
export const glassToGlass = (page, seconds) =>
  page.evaluate(async (seconds) => {
    const video = document.querySelector('video');
    const canvas = new OffscreenCanvas(video.videoWidth, 1);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    /** The milliseconds that the picture tells, modulo 2^24; null where its sum is wrong. */
    const paintedAt = () => {
      const side = video.videoWidth / 32;
      context.drawImage(video, 0, side / 2, canvas.width, 1, 0, 0, canvas.width, 1);
      const { data } = context.getImageData(0, 0, canvas.width, 1);
      let [millis, check] = [0, 0];
      for (let block = 0; block < 32; block += 1) {
        const bit = data[4 * Math.floor((block + 0.5) * side)] > 127 ? 1 : 0;
        if (block < 24) millis = millis * 2 + bit;
        else check = check * 2 + bit;
      }
      const sum = ((millis >> 16) ^ (millis >> 8) ^ millis ^ 0xa5) & 0xff;
      return sum === check ? millis : null;
    };
    const samples = [];
    let [unread, waits, last, freeze, seeks] = [0, 0, null, 0, 0];
    const onWaiting = () => (waits += 1);
    const onSeeking = () => (seeks += 1);
    video.addEventListener('waiting', onWaiting);
    video.addEventListener('seeking', onSeeking);
    const began = performance.now();
    await new Promise((resolve) => {
      const look = (now, { expectedDisplayTime }) => {
        const painted = paintedAt();
        if (painted === null) {
          unread += 1;
        } else {
          const shown = Date.now() + expectedDisplayTime - performance.now();
          samples.push({ at: (now - began) / 1000, age: (shown - painted + 2 ** 24 * 1e6) % 2 ** 24 });
        }
        freeze = Math.max(freeze, expectedDisplayTime - (last ?? expectedDisplayTime));
        last = expectedDisplayTime;
        if (now - began < seconds * 1000) video.requestVideoFrameCallback(look);
        else resolve();
      };
      video.requestVideoFrameCallback(look);
    });
    video.removeEventListener('waiting', onWaiting);
    video.removeEventListener('seeking', onSeeking);
    const sorted = samples.map(({ age }) => age).sort((a, b) => a - b);
    const quantile = (part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN);
    window.glass = {
      samples: sorted.length,
      unread,
      min: quantile(0),
      median: quantile(0.5),
      p95: quantile(0.95),
      max: quantile(1),
      last: Math.round(samples.at(-1)?.age ?? NaN),
      waits,
      seeks,
      longest_freeze: Math.round(freeze),
    };
  }, seconds);

/** What the page and its player have come to. Without a player, its address alone. */
export const measure = (page) =>
  page.evaluate(() => {
    const video = document.querySelector('video');
    if (!video) return { address: location.href };
    const screen = document.querySelector('#player');
    const quality = video.getVideoPlaybackQuality();
    const latency = Number.parseFloat(screen?.dataset.latency ?? '');
    const fetched = performance.getEntriesByType('resource').map(({ name }) => name);
    const count = (what) => fetched.filter((name) => what.test(name)).length;
    return {
      state: screen?.dataset.state ?? null,
      camera: screen?.dataset.camera ?? null,
      engine: screen?.dataset.engine ?? null,
      message: document.querySelector('#message-title')?.textContent ?? '',
      address: location.href,
      shown: { width: video.clientWidth, height: video.clientHeight },
      width: video.videoWidth,
      height: video.videoHeight,
      current_time: video.currentTime,
      played: window.played ?? 0,
      stalls: window.stalls,
      latency_seconds: Number.isFinite(latency) ? latency : null,
      frames: quality.totalVideoFrames,
      dropped: quality.droppedVideoFrames,
      bitrate: document.querySelector('[data-field="bitrate"]')?.textContent ?? '',
      muted: video.muted,
      sound_offered: document.querySelector('#sound')?.checkVisibility() ?? false,
      audio: document.querySelector('[data-field="audio"]')?.textContent ?? '',
      audio_note: document.querySelector('[data-field="audio_note"]')?.textContent ?? '',
      audio_bytes: video.webkitAudioDecodedByteCount ?? null,
      heard: window.heard ?? null,
      glass: window.glass ?? null,
      rate: video.playbackRate,
      fetched: {
        parts: count(/\/part-/),
        segments: count(/\/seg-/),
        blocking: count(/_HLS_msn=\d+&_HLS_part=\d+/),
        delta: count(/_HLS_skip=YES/),
        api: count(/\/api\//),
      },
    };
  });

/** Ends a driver: one line of JSON, or one line that says what failed. */
export async function main(name, run) {
  try {
    const result = await run();
    if (result !== undefined) console.log(JSON.stringify(result));
  } catch (error) {
    console.error(error instanceof Failed ? `${name}: ${error.message}` : error);
    process.exit(1);
  }
}
