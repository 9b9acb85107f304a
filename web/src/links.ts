// Addresses with and without a viewer's token. Pure.

const query = (address: string): URLSearchParams => new URLSearchParams(address.split('#')[0]?.split('?')[1] ?? '');

/** The viewer's token in an address or its query; null without one. */
export const tokenOf = (address: string): string | null => query(address).get('token') || null;

/** A query (`location.search`) without the token in it. */
export function withoutToken(search: string): string {
  const rest = query(search);
  rest.delete('token');
  const text = rest.toString();
  return text === '' ? '' : `?${text}`;
}

const carrying = (token: string | null): string => (token === null ? '' : `?token=${encodeURIComponent(token)}`);

/** Where players find the stream. */
export const playlistPath = (id: string, token: string | null): string =>
  `/streams/${encodeURIComponent(id)}/stream.m3u8${carrying(token)}`;

/** The page that plays it: the token of `streamPath`, as the API answers that, goes along. */
export const playerPath = (id: string, streamPath: string): string =>
  `/player/${encodeURIComponent(id)}${carrying(tokenOf(streamPath))}`;
