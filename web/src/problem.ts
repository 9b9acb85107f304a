// What went wrong, in words. Pure: no network, no page.

/** An RFC 9457 problem from the gateway, or our own words where it could not answer. */
export class Problem extends Error {
  constructor(
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** The gateway's stable code, e.g. `camera_auth_failed`. */
    readonly code: string,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title);
  }
}

/** Reads an error answer. One that is no problem document (a proxy's, say) is told by its status alone. */
export function problemFrom(status: number, body: string): Problem {
  let told: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) told = parsed as Record<string, unknown>;
  } catch {
    // Not JSON.
  }
  const text = (key: string, otherwise: string): string => {
    const value = told[key];
    return typeof value === 'string' && value !== '' ? value : otherwise;
  };
  return new Problem(status, text('code', 'unknown'), text('title', `The gateway answered ${status}`), text('detail', ''));
}

export const unreachable = (): Problem =>
  new Problem(0, 'unreachable', 'The gateway does not answer', 'Check that camgate is running and that this device is online.');

/** Title and detail for a player that cannot load `id`. */
export function whyNoStream(problem: Problem): { title: string; detail: string } {
  if (problem.status === 404) {
    return {
      title: 'This stream is not running',
      detail: 'It has been stopped, nobody watched it for a while, or it was never started. Start it on the page of all streams.',
    };
  }
  return { title: problem.title, detail: problem.detail };
}

/** Whether asking again is of no use: the token is missing, or no good. */
export const isRefusal = ({ status }: Problem): boolean => status === 401 || status === 403;
