import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemFrom, unreachable, whyNoStream } from './problem';

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
