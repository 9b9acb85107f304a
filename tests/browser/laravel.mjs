// Opens a page of the Laravel package in Chromium, and fails unless a picture moves in its frame and in its bare video.

import { Failed, firstPicture, lookAtSomething, main, play, until, withPage } from './browser.mjs';

const WITHIN_MS = 50_000;

await main('laravel', () => {
  const [url, screenshot] = process.argv.slice(2);
  // The stream of the bare video is not there at first, and the application is asked to start it.
  return withPage({ screenshot, allowConsole: 'status of 404' }, async (page, complaints) => {
    const deadline = Date.now() + WITHIN_MS;
    await page.goto(url, { waitUntil: 'commit' });
    await until(page, 'a frame', deadline, () => document.querySelector('iframe') !== null);
    const frame = await (await page.$('iframe')).contentFrame();
    for (const one of [page, frame]) {
      await firstPicture(one, deadline);
      await play(one, 3, deadline);
      await lookAtSomething(one);
    }
    const fills = await frame.evaluate(() => {
      const { width, height } = document.querySelector('video').getBoundingClientRect();
      return Math.abs(width - innerWidth) < 2 && Math.abs(height - innerHeight) < 2 && document.body.scrollHeight <= innerHeight;
    });
    if (!fills) throw new Failed('the picture does not fill its frame');
    if (complaints.length > 0) throw new Failed(`the console is not clean: ${complaints.join(' | ')}`);
  });
});
