import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as format from './format';

test('a bitrate reads as a data sheet gives it', () => {
  assert.equal(format.bitrate(640_000), '640 kbit/s');
  assert.equal(format.bitrate(999_600), '1.00 Mbit/s');
  assert.equal(format.bitrate(3_061_000), '3.06 Mbit/s');
  assert.equal(format.bitrate(12_340_000), '12.3 Mbit/s');
});

test('a time that has passed reads in its two largest units', () => {
  assert.equal(format.duration(0.9), '0 s');
  assert.equal(format.duration(59), '59 s');
  assert.equal(format.duration(60), '1 min 0 s');
  assert.equal(format.duration(3_725), '1 h 2 min');
  assert.equal(format.duration(90_000), '1 d 1 h');
});

test('a frame rate shows no digits it does not need', () => {
  assert.equal(format.frameRate(25), '25 fps');
  assert.equal(format.frameRate(30_000 / 1001), '29.97 fps');
});

test('a resolution never breaks across two lines', () => {
  assert.doesNotMatch(format.resolution(3840, 2160), /[ \t]/);
  assert.match(format.resolution(3840, 2160), /^3840.×.2160$/u);
});

test('a clock that runs behind the camera gives no negative latency', () => {
  assert.equal(format.latency(-0.4), '0.0 s');
  assert.equal(format.latency(0.76), '0.8 s');
  assert.equal(format.latency(4.26), '4.3 s');
  assert.equal(format.latency(83.2), '1 min 23 s');
});

test('what is not known yet is a dash, not a zero and not NaN', () => {
  for (const text of [
    format.bitrate(null),
    format.bitrate(0),
    format.duration(undefined),
    format.resolution(1920, null),
    format.frameRate(NaN),
    format.latency(null),
  ]) {
    assert.equal(text, format.UNKNOWN);
  }
});

test('audio is told as what is heard, and what it was made from where that differs', () => {
  const aac = { codec: 'AAC', source: 'AAC', sample_rate: 48_000, channels: 2 };
  assert.equal(format.audio(aac), 'AAC, 48\u00a0kHz stereo');
  const flac = { codec: 'FLAC', source: 'G.711 A-law', sample_rate: 8_000, channels: 1 };
  assert.equal(format.audio(flac), 'FLAC from G.711 A-law, 8\u00a0kHz mono');
  assert.equal(format.audio({ ...aac, sample_rate: 11_025, channels: 6 }), 'AAC, 11.03\u00a0kHz 6 channels');
  assert.equal(format.audio(null), 'None');
});

test('a reason reads as a sentence, and no reason as nothing', () => {
  assert.equal(format.sentence('the camera sends Opus'), 'The camera sends Opus.');
  assert.equal(format.sentence(null), '');
});

test('a state this page has never heard of is still shown', () => {
  assert.equal(format.stateWord('live'), 'Live');
  assert.equal(format.stateWord('draining'), 'draining');
});
