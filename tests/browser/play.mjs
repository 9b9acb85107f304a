// Opens camgate's page in Chromium and fails unless a moving picture is there. See README.md for the command line.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
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

class Failed extends Error {}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      mode: { type: 'string', default: 'hlsjs' },
      id: { type: 'string' },
      link: { type: 'string' },
      username: { type: 'string' },
      password: { type: 'string' },
      advance: { type: 'string', default: '5' },
      within: { type: 'string', default: '30' },
      screenshot: { type: 'string' },
      'allow-console': { type: 'string' },
    },
  });
  const [url] = positionals;
  if (url === undefined || !['hlsjs', 'native', 'index'].includes(values.mode)) {
    throw new Failed('usage: play.mjs [--mode hlsjs|native|index] [--advance S] [--within S] [--screenshot PNG] URL');
  }
  if (values.mode === 'index' && !(values.id && values.link)) throw new Failed('--mode index needs --id and --link');
  return { ...values, url, advance: Number(values.advance), within: Number(values.within) };
}

/** Polls the page until `check` answers true; says what the page showed when it never does. */
async function until(page, what, deadline, check, argument) {
  const left = deadline - Date.now();
  try {
    await page.waitForFunction(check, argument, { timeout: Math.max(1, left), polling: 50 });
  } catch (error) {
    if (error.name !== 'TimeoutError') throw error;
    throw new Failed(`${what} did not happen in time; ${await describe(page)}`);
  }
}

const describe = (page) =>
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

/** Starts a stream as a person does: through the form, then from its card to the player. */
async function startThroughForm(page, options, deadline) {
  await page.goto(options.url);
  await page.getByLabel('Stream id').fill(options.id);
  await page.getByLabel('RTSP link').fill(options.link);
  if (options.username) await page.getByLabel('User', { exact: true }).fill(options.username);
  if (options.password) await page.getByLabel('Password').fill(options.password);
  const began = Date.now();
  await page.getByRole('button', { name: 'Start stream' }).click();
  await until(
    page,
    `a card for ${options.id} that says live`,
    deadline,
    (id) => document.querySelector(`.card[data-id="${CSS.escape(id)}"]`)?.dataset.state === 'live',
    options.id,
  );
  const toLive = Date.now() - began;
  if (page.url().includes('?')) throw new Failed(`the form put what it was given into the address: ${page.url()}`);
  await page.locator(`.card[data-id="${options.id}"] [data-field="play"]`).click();
  return toLive;
}

/** The picture on screen, as mean and standard deviation of its luminance. */
const look = (page) =>
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

const round = (value, digits) => (value === null ? null : Number(value.toFixed(digits)));

async function run(options, page, complaints) {
  const deadline = Date.now() + options.within * 1000;
  let toLive = null;
  if (options.mode === 'index') {
    toLive = await startThroughForm(page, options, deadline);
    await page.waitForURL(/\/player\//, { timeout: Math.max(1, deadline - Date.now()) });
  } else {
    const url = new URL(options.url);
    if (options.mode === 'native') url.searchParams.set('native', '1');
    await page.goto(url.href, { waitUntil: 'commit' });
  }

  await until(page, 'the first picture', deadline, () => {
    const video = document.querySelector('video');
    // The page has given up: nothing to wait for.
    if (['stopped', 'error'].includes(document.querySelector('#player')?.dataset.state)) return true;
    return video !== null && video.videoWidth > 0 && video.readyState >= 2 && video.currentTime > 0;
  });
  const state = await page.evaluate(() => document.querySelector('#player')?.dataset.state);
  if (state === 'stopped' || state === 'error') throw new Failed(`there is no picture; ${await describe(page)}`);
  const toFirstFrame = await page.evaluate(() => window.firstFrameAt ?? performance.now());
  const first = await page.evaluate(() => document.querySelector('video').currentTime);
  const before = await look(page);

  // A jump to live is no playing: only steps that wall time can explain are counted.
  await page.evaluate(() => {
    const video = document.querySelector('video');
    window.played = 0;
    let last = video.currentTime;
    setInterval(() => {
      const step = video.currentTime - last;
      last = video.currentTime;
      if (step > 0 && step < 1) window.played += step;
    }, 100);
  });
  await until(page, `playing ${options.advance} s`, deadline, (seconds) => window.played >= seconds, options.advance);

  const after = await look(page);
  if (after.deviation < MIN_DEVIATION) {
    throw new Failed(`the picture is one colour: luminance ${round(after.mean, 1)}, deviation ${round(after.deviation, 2)}`);
  }
  const changed = after.luminance.reduce((sum, y, i) => sum + Math.abs(y - before.luminance[i]), 0) / after.luminance.length;

  const measured = await page.evaluate(() => {
    const video = document.querySelector('video');
    const screen = document.querySelector('#player');
    const quality = video.getVideoPlaybackQuality();
    const latency = Number.parseFloat(screen?.dataset.latency ?? '');
    return {
      state: screen?.dataset.state ?? null,
      engine: screen?.dataset.engine ?? null,
      width: video.videoWidth,
      height: video.videoHeight,
      current_time: video.currentTime,
      played: window.played,
      latency_seconds: Number.isFinite(latency) ? latency : null,
      frames: quality.totalVideoFrames,
      dropped: quality.droppedVideoFrames,
    };
  });
  const engine = { hlsjs: /^hls\.js /, native: /^the browser$/, index: /./ }[options.mode];
  if (!engine.test(measured.engine)) throw new Failed(`mode ${options.mode} was asked for, but ${measured.engine} played`);
  if (complaints.length > 0) throw new Failed(`the console is not clean: ${complaints.join(' | ')}`);

  return {
    mode: options.mode,
    ...measured,
    ms_to_live_card: toLive,
    ms_to_first_frame: Math.round(toFirstFrame),
    advanced_seconds: round(measured.current_time - first, 2),
    played: round(measured.played, 2),
    luminance_mean: round(after.mean, 1),
    luminance_deviation: round(after.deviation, 1),
    picture_change: round(changed, 2),
  };
}

async function main() {
  const options = readOptions();
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
        const told = (now) => (window.firstFrameAt = now);
        document.querySelector('video')?.requestVideoFrameCallback(told);
      });
    });
    const complaints = [];
    const allowed = options['allow-console'] ? new RegExp(options['allow-console']) : null;
    const complain = (text) => allowed?.test(text) || complaints.push(text);
    page.on('console', (message) => message.type() === 'error' && complain(message.text()));
    page.on('pageerror', (error) => complain(String(error)));
    try {
      const result = await run(options, page, complaints);
      console.log(JSON.stringify(result));
    } catch (error) {
      if (complaints.length > 0) error.message += ` (console: ${complaints.slice(0, 5).join(' | ')})`;
      throw error;
    } finally {
      if (options.screenshot) await page.screenshot({ path: options.screenshot }).catch(() => undefined);
    }
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}

main().catch((error) => {
  console.error(error instanceof Failed ? `play: ${error.message}` : error);
  process.exitCode = 1;
});
