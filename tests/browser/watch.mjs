// Opens a player page in Chromium and does, one after the other, what lines on standard input ask for; see README.md.
// For what happens to a stream while somebody watches. Ends when its standard input closes.

import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Failed, firstPicture, glassToGlass, hear, inTime, lookAtSomething, main, measure, play, until, withPage } from './browser.mjs';

/** Every step has to come about in this time, beside the seconds that it is to last by itself. */
const STEP_MS = 40_000;
/** The steps that are told such seconds, as their first word. */
const LASTS = ['latency', 'quiet'];

const STEPS = {
  /** `picture`: the first one is there. */
  picture: async (page) => void (await firstPicture(page, Date.now() + STEP_MS)),
  /** `play S`: so many seconds play from now on, and the picture shows something. */
  play: async (page, seconds) => {
    await play(page, Number(seconds), Date.now() + STEP_MS);
    await lookAtSomething(page);
  },
  /** `state NAME`: the page's `data-state` becomes that. */
  state: (page, name) =>
    until(page, `the state ${name}`, Date.now() + STEP_MS, (wanted) => document.querySelector('#player').dataset.state === wanted, name),
  /** `camera STATE`: the page knows that the camera is in that state. */
  camera: (page, name) =>
    until(page, `the camera is ${name}`, Date.now() + STEP_MS, (wanted) => document.querySelector('#player').dataset.camera === wanted, name),
  /** `width W`: the picture becomes so wide. */
  width: (page, width) =>
    until(page, `a width of ${width}`, Date.now() + STEP_MS, (wanted) => document.querySelector('video').videoWidth === wanted, Number(width)),
  /** `offered`: the page says that there is sound. */
  offered: (page) => page.getByRole('button', { name: 'Turn sound on' }).waitFor({ timeout: STEP_MS }),
  /** `sound`: a person turns the sound on. */
  sound: (page) => page.getByRole('button', { name: 'Turn sound on' }).click({ timeout: STEP_MS }),
  /** `hear HZ S`: that tone, and no silence, for so many seconds. */
  hear: (page, hertz, seconds) => hear(page, Number(hertz), Number(seconds), Date.now() + STEP_MS),
  /** `latency S`: how old the pictures of `gst_camera.py`'s `/clock` are, for so many seconds. */
  latency: (page, seconds) => glassToGlass(page, Number(seconds)),
  /** `reload`: the page is opened again, in the same session. */
  reload: (page) => page.reload({ waitUntil: 'commit' }),
  /** `size W H`, `scheme light|dark`: another window. */
  size: (page, width, height) => page.setViewportSize({ width: Number(width), height: Number(height) }),
  scheme: (page, colorScheme) => page.emulateMedia({ colorScheme }),
  /** `quiet S`: the page asks for nothing for so long. */
  quiet: async (page, seconds) => {
    const asked = [];
    const note = (request) => asked.push(request.url());
    page.on('request', note);
    await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
    page.off('request', note);
    if (asked.length > 0) throw new Failed(`${asked.length} requests in ${seconds} s: ${asked.slice(0, 3).join(' ')}`);
  },
  /** `screenshot PNG` */
  screenshot: async (page, path) => void (await page.screenshot({ path })),
};

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { screenshot: { type: 'string' }, 'allow-console': { type: 'string' } },
  });
  if (positionals.length !== 1) throw new Failed('usage: watch.mjs [--screenshot PNG] [--allow-console REGEX] URL');
  return { ...values, url: positionals[0], allowConsole: values['allow-console'] };
}

await main('watch', () => {
  const options = readOptions();
  return withPage(options, async (page, complaints) => {
    await page.goto(options.url, { waitUntil: 'commit' });
    for await (const line of createInterface({ input: process.stdin })) {
      const [step, ...rest] = line.split(' ');
      if (!(step in STEPS)) throw new Failed(`there is no step ${step}`);
      const lasts = LASTS.includes(step) ? Number(rest[0]) * 1000 : 0;
      await inTime(line, lasts + STEP_MS + 5_000, STEPS[step](page, ...rest));
      if (complaints.length > 0) throw new Failed(`the console is not clean: ${complaints.join(' | ')}`);
      console.log(JSON.stringify({ step: line, ...(await measure(page)) }));
    }
  });
});
