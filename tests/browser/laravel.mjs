// Opens a page of the Laravel package in Chromium, and fails unless a picture moves in its frame and in its bare video.

import { firstPicture, lookAtSomething, main, play, until, withPage } from './browser.mjs';

const WITHIN_MS = 50_000;

await main('laravel', () => {
  const [url, screenshot] = process.argv.slice(2);
  // 404: the stream of the bare video is not there at first, and the application is asked to start it. 401: the frame's page
  // has a token to watch, and asks once for a status that it may not have.
  return withPage({ screenshot, allowConsole: 'status of 40[14]' }, async (page, complaints) => {
    const deadline = Date.now() + WITHIN_MS;
    await page.goto(url, { waitUntil: 'commit' });
    await until(page, 'a frame', deadline, () => document.querySelector('iframe') !== null);
    const frame = await (await page.$('iframe')).contentFrame();
    const origins = [page, frame].map((one) => new URL(one.url()).origin);
    for (const one of [page, frame]) {
      await firstPicture(one, deadline);
      await play(one, 3, deadline);
      await lookAtSomething(one);
    }
    if (complaints.length > 0) throw new Error(`the console is not clean: ${complaints.join(' | ')}`);
    return { origins };
  });
});
