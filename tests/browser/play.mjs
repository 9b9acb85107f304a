// Opens camgate's page in Chromium and fails unless a moving picture is there. See README.md for the command line.

import { parseArgs } from 'node:util';
import { Failed, firstPicture, look, lookAtSomething, main, measure, play, round, until, withPage } from './browser.mjs';

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
  return {
    ...values,
    url,
    advance: Number(values.advance),
    within: Number(values.within),
    allowConsole: values['allow-console'],
  };
}

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
  if (options.screenshot) await page.screenshot({ path: options.screenshot.replace(/\.png$/, '-streams.png') });
  await page.locator(`.card[data-id="${options.id}"] [data-field="play"]`).click();
  await page.waitForURL(/\/player\//, { timeout: Math.max(1, deadline - Date.now()) });
  return toLive;
}

async function run(options, page, complaints) {
  const deadline = Date.now() + options.within * 1000;
  let toLive = null;
  if (options.mode === 'index') {
    toLive = await startThroughForm(page, options, deadline);
  } else {
    const url = new URL(options.url);
    if (options.mode === 'native') url.searchParams.set('native', '1');
    await page.goto(url.href, { waitUntil: 'commit' });
  }
  const toFirstFrame = Math.round(await firstPicture(page, deadline));
  const first = await page.evaluate(() => document.querySelector('video').currentTime);
  const before = await look(page);
  await play(page, options.advance, deadline);
  const after = await lookAtSomething(page);
  const changed = after.luminance.reduce((sum, y, i) => sum + Math.abs(y - before.luminance[i]), 0) / after.luminance.length;

  const measured = await measure(page);
  const engine = { hlsjs: /^hls\.js /, native: /^the browser$/, index: /./ }[options.mode];
  if (!engine.test(measured.engine)) throw new Failed(`mode ${options.mode} was asked for, but ${measured.engine} played`);
  if (complaints.length > 0) throw new Failed(`the console is not clean: ${complaints.join(' | ')}`);

  return {
    mode: options.mode,
    ...measured,
    ms_to_live_card: toLive,
    ms_to_first_frame: toFirstFrame,
    ms_click_to_first_frame: toLive && toLive + toFirstFrame,
    advanced_seconds: round(measured.current_time - first, 2),
    played: round(measured.played, 2),
    luminance_mean: round(after.mean, 1),
    luminance_deviation: round(after.deviation, 1),
    picture_change: round(changed, 2),
  };
}

await main('play', () => {
  const options = readOptions();
  return withPage(options, (page, complaints) => run(options, page, complaints));
});
