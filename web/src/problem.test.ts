import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemFrom, unreachable, whyNoAnswer, whyNoStream } from './problem';

test('a problem document is told in its own words', () => {
  const problem = problemFrom(
    502,
    '{"type":"about:blank","title":"Camera refused the login","status":502,"code":"camera_auth_failed","detail":"Check the password."}',
  );
  assert.equal(problem.code, 'camera_auth_failed');
  assert.equal(problem.title, 'Camera refused the login');
  assert.equal(problem.message, 'Check the password.');
});

test("a proxy's HTML error page is told by its status", () => {
  const problem = problemFrom(502, '<html><h1>Bad Gateway</h1></html>');
  assert.equal(problem.title, 'The gateway answered 502');
  assert.equal(problem.detail, '');
});

test('JSON that is no problem document does not break the page', () => {
  for (const body of ['null', '[]', '"no"', '{"title":7,"detail":null}']) {
    assert.equal(problemFrom(500, body).title, 'The gateway answered 500');
  }
});

test('a player tells a stopped stream from a gateway in trouble', () => {
  assert.equal(whyNoStream(problemFrom(404, '')).title, 'This stream is not running');
  const busy = problemFrom(503, '{"title":"No picture yet","detail":"The camera has sent no keyframe."}');
  assert.deepEqual(whyNoStream(busy), { title: 'No picture yet', detail: 'The camera has sent no keyframe.' });
  assert.equal(whyNoStream(unreachable()).title, 'The gateway does not answer');
});

test('a viewer is told what is wrong with a link, and what to do', () => {
  const told = (status: number, code: string): string => {
    const { title, detail } = whyNoStream(problemFrom(status, `{"code":"${code}","title":"T","detail":"D"}`));
    return `${title}. ${detail}`;
  };
  assert.equal(told(401, 'token_missing'), 'This stream wants a token. Open it by the link that you were given.');
  assert.match(told(401, 'token_invalid'), /not valid.*whole link/);
  assert.match(told(403, 'token_expired'), /time of this link has ended/);
  // The gateway knows what else it is for.
  assert.equal(told(403, 'token_refused'), 'T. D');
});

test('in a frame nobody is sent to a page that cannot be opened there', () => {
  const stopped = problemFrom(404, '{"code":"stream_not_found"}');
  assert.match(whyNoStream(stopped).detail, /page of all streams/);
  assert.doesNotMatch(whyNoStream(stopped, true).detail, /page of all streams/);
  const ended = problemFrom(403, '{"code":"token_expired"}');
  assert.equal(whyNoStream(ended, true).title, whyNoStream(ended).title);
  assert.equal(whyNoStream(ended, true).detail, 'Reload the page that it is in.');
  assert.deepEqual(whyNoStream(unreachable(), true), whyNoStream(unreachable()));
});

test('who may not call the API is told why, and what opens it', () => {
  const told = (code: string): string => whyNoAnswer(problemFrom(403, `{"code":"${code}","title":"T","detail":"D"}`)).detail;
  assert.match(told('api_not_public'), /private networks.*set API_TOKENS/s);
  assert.match(told('cross_site'), /tab of its own.*API_TOKENS/s);
});

test('whoever is to come again is told when', () => {
  const busy = problemFrom(429, '{"title":"Too many starts","detail":"Slowly."}', '12');
  assert.deepEqual(whyNoAnswer(busy), { title: 'Too many starts', detail: 'Slowly. Try again in 12 s.' });
  const told = problemFrom(429, '{"title":"Too many starts","detail":"No more for 12 s."}', '12');
  assert.equal(whyNoAnswer(told).detail, 'No more for 12 s.');
  for (const unknown of [null, '', 'Wed, 21 Oct 2026 07:28:00 GMT', '-1']) {
    assert.equal(problemFrom(503, '{}', unknown).retryAfter, null);
  }
});

test('only what another try cannot change is a refusal', () => {
  assert.deepEqual([401, 403, 404, 429, 503].map((status) => problemFrom(status, '').isRefusal), [true, true, false, false, false]);
});
