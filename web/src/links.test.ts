import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playerPath, playlistPath, tokenOf, withoutToken } from './links';

test('the token of a stream goes along to its player and from there to its playlist', () => {
  const link = playerPath('front door', '/streams/front%20door/stream.m3u8?token=a.b-c_d.e');
  assert.equal(link, '/player/front%20door?token=a.b-c_d.e');
  assert.equal(playlistPath('front door', tokenOf(link)), '/streams/front%20door/stream.m3u8?token=a.b-c_d.e');
});

test('without a token there is none in any address', () => {
  assert.equal(playerPath('1', '/streams/1/stream.m3u8'), '/player/1');
  assert.equal(playlistPath('1', tokenOf('?native=1&token=')), '/streams/1/stream.m3u8');
});

test('a token is taken out of a query, and nothing else is', () => {
  assert.equal(withoutToken('?token=a.b.c'), '');
  assert.equal(withoutToken('?embed=1&token=a.b.c&native=1'), '?embed=1&native=1');
  assert.equal(withoutToken(''), '');
});

test('what is no token cannot break out of its place in an address', () => {
  assert.equal(playlistPath('1', 'a&b=c#d'), '/streams/1/stream.m3u8?token=a%26b%3Dc%23d');
});
