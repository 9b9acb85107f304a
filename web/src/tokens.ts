// The tokens of this tab: the one for the API that a person has given on the page of all streams, and those of streams, which
// links bring. They are kept in the tab's session at most, never in localStorage, and leave the address bar at once.

import { tokenOf, withoutToken } from './links';

const API = 'camgate.api-token';
const OPEN = 'camgate.api-open';
const ofStream = (id: string): string => `camgate.stream-token.${id}`;

/** Storage may be forbidden: then nothing is kept beyond the page. */
function read(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    // It is asked for again on the next page.
  }
}

let api = read(API);

/** What calls of the API are sent with; null: nothing. */
export const apiToken = (): string | null => api;

/** Whether a header can carry it: fetch throws at what it cannot. */
export const isToken = (text: string): boolean => /^[\x21-\x7e]+$/.test(text);

export function useApiToken(token: string): void {
  api = token;
}

/** Keeps it for the session of this tab. */
export const rememberApiToken = (): void => write(API, api);

export function forgetApiToken(): void {
  api = null;
  write(API, null);
}

/** The API has answered without a token, or has refused to. */
export const noteApi = (isOpen: boolean): void => write(OPEN, isOpen ? 'yes' : null);

/** Whether there is reason to think that the API answers this tab. */
export const apiMayAnswer = (): boolean => api !== null || read(OPEN) !== null;

/** The token of a stream: the one in the address, which is taken out of it, or one that came to this tab before. */
export function streamToken(id: string): string | null {
  const given = tokenOf(location.search);
  if (given === null) return read(ofStream(id));
  keepStreamToken(id, given);
  // An address is copied, bookmarked, and read over shoulders.
  history.replaceState(history.state, '', `${location.pathname}${withoutToken(location.search)}${location.hash}`);
  return given;
}

export const keepStreamToken = (id: string, token: string): void => write(ofStream(id), token);
