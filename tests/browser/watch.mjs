// Opens a page in Chromium and does, one after the other, what lines on standard input ask for; see README.md.
// For what happens to a stream while somebody watches, in the page itself or in a frame of another page. Ends when its
// standard input closes.

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
  /** `far MS`: each answer takes so long, from now on, as if the viewer were that far away. */
  far: async (_page, latency, tab) => {
    const session = await tab.context().newCDPSession(tab);
    const conditions = { offline: false, latency: Number(latency), downloadThroughput: -1, uploadThroughput: -1 };
    await session.send('Network.emulateNetworkConditions', conditions);
  },
  /** `open PATH`: another page of the same gateway, in the same session. */
  open: (_page, path, tab) => tab.goto(new URL(path, tab.url()).href, { waitUntil: 'commit' }),
  /** `frame`: the frame with the player is there; from then on the steps are for it. */
  frame: async (_page, tab) => {
    const frame = await (await tab.waitForSelector('iframe', { timeout: STEP_MS })).contentFrame();
    await frame.waitForURL(/\/player\//, { timeout: STEP_MS, waitUntil: 'domcontentloaded' });
  },
  /** `reload`: the page is opened again, in the same session. */
  reload: (_page, tab) => tab.reload({ waitUntil: 'commit' }),
  /** `size W H`, `scheme light|dark`: another window. */
  size: (_page, width, height, tab) => tab.setViewportSize({ width: Number(width), height: Number(height) }),
  scheme: (_page, colorScheme, tab) => tab.emulateMedia({ colorScheme }),
  /** `fill LABEL=TEXT`, `tick LABEL`, `press BUTTON`: what a person does in a form. */
  fill: (page, ...words) => {
    const [, label, text] = /^([^=]*)=(.*)$/.exec(words.join(' '));
    return page.getByLabel(label, { exact: true }).fill(text, { timeout: STEP_MS });
  },
  tick: (page, ...words) => page.getByLabel(words.join(' '), { exact: true }).check({ timeout: STEP_MS }),
  press: (page, ...words) => page.getByRole('button', { name: words.join(' ') }).click({ timeout: STEP_MS }),
  /** `key NAME`: on the keyboard. */
  key: (_page, name, tab) => tab.keyboard.press(name),
  /** `live ID`: its card says that it is live; `watch ID`: its link to the player is followed. */
  live: (page, id) => page.locator(`.card[data-id="${id}"][data-state="live"]`).waitFor({ timeout: STEP_MS }),
  watch: async (page, id, tab) => {
    await page.locator(`.card[data-id="${id}"] [data-field="play"]`).click({ timeout: STEP_MS });
    await tab.waitForURL(/\/player\//, { timeout: STEP_MS, waitUntil: 'commit' });
  },
  /** `says TEXT`: that can be seen. */
  says: (page, ...words) => page.getByText(words.join(' ')).filter({ visible: true }).first().waitFor({ timeout: STEP_MS }),
  /** `hides TEXT`: that cannot be seen. */
  hides: async (page, ...words) => {
    if (await page.getByText(words.join(' ')).filter({ visible: true }).count()) throw new Failed(`"${words.join(' ')}" is shown`);
  },
  /** `keeps TEXT`, `forgets TEXT`: whether the session of the tab holds it; what outlives the tab never does. */
  keeps: (page, text) => kept(page, text, true),
  forgets: (page, text) => kept(page, text, false),
  /** `quiet S`: the page asks for nothing for so long. */
  quiet: async (_page, seconds, tab) => {
    const asked = [];
    const note = (request) => asked.push(request.url());
    tab.on('request', note);
    await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
    tab.off('request', note);
    if (asked.length > 0) throw new Failed(`${asked.length} requests in ${seconds} s: ${asked.slice(0, 3).join(' ')}`);
  },
  /** `screenshot PNG` */
  screenshot: async (_page, path, tab) => void (await tab.screenshot({ path })),
};

/** The steps that are told the tab as their last word, for the page may be a frame in it. */
const OF_TAB = ['far', 'frame', 'open', 'reload', 'size', 'scheme', 'quiet', 'screenshot', 'key', 'watch'];

/** The player in a frame of the page, or else the page. */
const seen = (tab) => tab.frames().find((frame) => /\/player\//.test(frame.url())) ?? tab.mainFrame();

async function kept(page, text, wanted) {
  const held = await page.evaluate((text) => [sessionStorage, localStorage].map((store) => JSON.stringify({ ...store }).includes(text)), text);
  if (held[1]) throw new Failed('localStorage holds it');
  if (held[0] !== wanted) throw new Failed(`the session ${wanted ? 'does not hold' : 'holds'} it`);
}

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
      const words = OF_TAB.includes(step) ? [...rest, page] : rest;
      await inTime(line, lasts + STEP_MS + 5_000, STEPS[step](seen(page), ...words));
      if (complaints.length > 0) throw new Failed(`the console is not clean: ${complaints.join(' | ')}`);
      console.log(JSON.stringify({ step: line, ...(await measure(seen(page))) }));
    }
  });
});
