// Addresses of the page and of playlists. A viewer's token goes along from the one to the other. Pure: no page.

const NAMES = /^\/(?:streams|player)\/([^/]+)/;

const nameOf = (path: string): string => decodeURIComponent(NAMES.exec(path)?.[1] ?? '');

function withToken(path: string, query: string): string {
  const token = new URLSearchParams(query).get('token');
  return token === null || token === '' ? path : `${path}?token=${encodeURIComponent(token)}`;
}

/** The player's page for a `stream_path` that the gateway has answered. */
export function playerOf(streamPath: string): string {
  const [path = '', query = ''] = streamPath.split('?');
  return withToken(`/player/${encodeURIComponent(nameOf(path))}`, query);
}

/** Which stream the page at this address plays, and its playlist. */
export function playedAt({ pathname, search }: { pathname: string; search: string }): { id: string; playlist: string } {
  const id = nameOf(pathname);
  return { id, playlist: withToken(`/streams/${encodeURIComponent(id)}/stream.m3u8`, search) };
}
