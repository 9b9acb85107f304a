import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playedAt, playerOf } from './links';

test('a token goes from the start of a stream to its page, and from there to its playlist', () => {
  const page = playerOf('/streams/gate-1/stream.m3u8?token=a.b-c_d.e');
  assert.equal(page, '/player/gate-1?token=a.b-c_d.e');
  const { id, playlist } = playedAt(new URL(page, 'http://gateway'));
  assert.equal(id, 'gate-1');
  assert.equal(playlist, '/streams/gate-1/stream.m3u8?token=a.b-c_d.e');
});

test('without a token there is none', () => {
  assert.equal(playerOf('/streams/7/stream.m3u8'), '/player/7');
  for (const search of ['', '?native=1', '?token=']) {
    assert.equal(playedAt({ pathname: '/player/7/', search }).playlist, '/streams/7/stream.m3u8', search);
  }
});

test('what a token may not hold stays in it', () => {
  assert.equal(playedAt({ pathname: '/player/7', search: '?token=a%26b%3Dc%23' }).playlist, '/streams/7/stream.m3u8?token=a%26b%3Dc%23');
});
