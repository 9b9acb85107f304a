import assert from 'node:assert/strict';
import { test } from 'node:test';
import type Hls from 'hls.js/light';
import { Events } from 'hls.js/light';
import { keepPartsInMind } from './parts';

/** What reaches hls.js of `events`, in order. */
function told(...events: [Events, unknown][]): string[] {
  const heard: string[] = [];
  const hls = { trigger: (event: Events) => heard.push(event) > 0 };
  keepPartsInMind(hls as unknown as Pick<Hls, 'trigger'>);
  const trigger = hls.trigger as (event: Events, data: unknown) => boolean;
  for (const [event, data] of events) trigger(event, data);
  return heard;
}

const removed: [Events, unknown] = [Events.BUFFER_FLUSHED, { type: 'audiovideo', start: 0, end: 2 }];
const part: [Events, unknown] = [Events.FRAG_LOADED, { part: {} }];

test('a removal is told at once while no part is on its way', () => {
  const segment: [Events, unknown] = [Events.FRAG_LOADED, { part: null }];
  assert.deepEqual(told(removed, segment, removed), [
    Events.BUFFER_FLUSHED,
    Events.FRAG_LOADED,
    Events.BUFFER_FLUSHED,
  ]);
});

test('a removal while parts arrive is told when they are there, or will not be', () => {
  for (const end of [Events.FRAG_BUFFERED, Events.ERROR, Events.FRAG_LOAD_EMERGENCY_ABORTED]) {
    assert.deepEqual(told(part, removed, part, [end, {}], removed), [
      Events.FRAG_LOADED,
      Events.FRAG_LOADED,
      end,
      Events.BUFFER_FLUSHED,
      Events.BUFFER_FLUSHED,
    ]);
  }
});

test('of several removals from one buffer the last is told', () => {
  const heard = told(part, removed, removed, [Events.FRAG_BUFFERED, {}]);
  assert.deepEqual(heard, [Events.FRAG_LOADED, Events.FRAG_BUFFERED, Events.BUFFER_FLUSHED]);
});
