// Asks for one of the gateway's API_TOKENS where the API wants one, and forgets it again when a person says so.

import * as api from './api';
import { Problem, whyNoAnswer } from './problem';
import * as tokens from './tokens';
import { element, tell } from './dom';

const form = element('access', HTMLFormElement);
const input = element('api_token', HTMLInputElement);
const remember = element('remember', HTMLInputElement);
const result = element('access-result', HTMLElement);
const forget = element('forget', HTMLButtonElement);
const button = form.querySelector('button') as HTMLButtonElement;
let changed: (isOpen: boolean) => Promise<void> = async () => undefined;
let wanted = false;

/** Whether the API waits for a token: nothing is worth asking meanwhile. */
export const isWanted = (): boolean => wanted;

/** What to do when a token has opened the API, or there is none any more. */
export function onChange(work: (isOpen: boolean) => Promise<void>): void {
  changed = work;
}

/** The API has refused to answer without a token, or with the one that this tab has kept. */
export function want(): void {
  const refused = tokens.apiToken() !== null;
  tokens.forgetApiToken();
  tokens.noteApi(false);
  ask();
  if (refused) tell(result, { title: 'The gateway no longer accepts the token that this tab has used', detail: 'Give another one.' });
}

/** The API has answered. */
export function answered(): void {
  wanted = false;
  tokens.noteApi(tokens.apiToken() === null);
  showWanted();
}

function showWanted(): void {
  form.hidden = !wanted;
  forget.hidden = wanted || tokens.apiToken() === null;
  document.body.dataset['access'] = wanted ? 'wanted' : 'open';
}

function ask(): void {
  wanted = true;
  void changed(false);
  result.hidden = true;
  input.value = '';
  input.removeAttribute('aria-invalid');
  showWanted();
  // There is nothing else to do here, but nobody is torn away from what they do.
  if (document.activeElement === document.body || document.activeElement === null) input.focus();
}

async function submit(): Promise<void> {
  const token = input.value.trim();
  input.setAttribute('aria-invalid', 'false');
  result.hidden = true;
  try {
    if (!tokens.isToken(token)) throw new Problem(0, 'no_token', 'This is no token', 'It has no spaces, and letters, digits and signs of ASCII only.');
    tokens.useApiToken(token);
    button.disabled = true;
    await api.streams();
  } catch (error) {
    tokens.forgetApiToken();
    const problem = error instanceof Problem ? error : new Problem(0, 'fault', String(error), '');
    tell(result, whyNoAnswer(problem));
    input.setAttribute('aria-invalid', String(problem.code !== 'unreachable'));
    input.select();
    input.focus();
    return;
  } finally {
    button.disabled = false;
  }
  if (remember.checked) tokens.rememberApiToken();
  input.value = '';
  answered();
  await changed(true);
  element('streams', HTMLElement).focus();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void submit();
});

forget.addEventListener('click', () => {
  tokens.forgetApiToken();
  tokens.noteApi(false);
  ask();
  input.focus();
});
