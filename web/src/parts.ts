// What hls.js knows of the parts that it has, kept right.

import type Hls from 'hls.js/light';
import { Events } from 'hls.js/light';

/**
 * When media that was played is removed, hls.js 1.7 looks for segments that are no longer in the buffer, and takes one for that whose
 * parts are being put there (FragmentTracker.detectEvictedFragments). It forgets which parts of it it has; and where sound ends a
 * little before the pictures of that segment do, it then fetches nothing until the segment has left the playlist. So hls.js is told of
 * the removal once those parts are in the buffer, or will not be.
 */
export function keepPartsInMind(hls: Pick<Hls, 'trigger'>): void {
  const trigger = hls.trigger.bind(hls);
  const untold = new Map<unknown, () => void>();
  let arriving = false;
  hls.trigger = (event, data) => {
    if (event === Events.BUFFER_FLUSHED && arriving) {
      untold.set((data as { type: unknown }).type, () => trigger(event, data));
      return true;
    }
    if (event === Events.FRAG_LOADED && (data as { part: unknown }).part) arriving = true;
    const heard = trigger(event, data);
    if (event === Events.FRAG_BUFFERED || event === Events.ERROR || event === Events.FRAG_LOAD_EMERGENCY_ABORTED) {
      arriving = false;
      const tell = [...untold.values()];
      untold.clear();
      for (const one of tell) one();
    }
    return heard;
  };
}
