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
    /** Seconds until it is worth asking again (Retry-After), where the gateway tells. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail || title);
  }

  /** Whoever asks is not let in: asking again the same way changes nothing. */
  get isRefusal(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

/** What a person is told. */
export interface Words {
  title: string;
  detail: string;
}

/** Reads an error answer. One that is no problem document (a proxy's, say) is told by its status alone. */
export function problemFrom(status: number, body: string, retryAfter: string | null = null): Problem {
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
  const title = text('title', `The gateway answered ${status}`);
  // The other form, a date, is for hours (RFC 9110 §10.2.3): nobody waits for that here.
  const seconds = /^\d{1,4}$/.test(retryAfter ?? '') ? Number(retryAfter) : null;
  return new Problem(status, text('code', 'unknown'), title, text('detail', ''), seconds);
}

export const unreachable = (): Problem =>
  new Problem(0, 'unreachable', 'The gateway does not answer', 'Check that camgate is running and that this device is online.');

const NO_STREAM: Record<string, Words> = {
  token_missing: { title: 'This stream wants a token', detail: 'Open it by the link that you were given.' },
  token_invalid: {
    title: 'This link is not valid',
    detail: 'Something may be missing at its end. Open the stream by the whole link that you were given.',
  },
  token_expired: { title: 'The time of this link has ended', detail: 'Ask for a new one where you got it.' },
};

/** In a frame of another page it is that page's to start streams and to hand out links. */
const NO_STREAM_IN_FRAME: Record<string, string> = {
  stream_not_found: 'It has been stopped, or nobody watched it for a while.',
  token_missing: 'The page that it is in has given none.',
  token_invalid: 'Reload the page that it is in.',
  token_expired: 'Reload the page that it is in.',
};

/** For a player that cannot load its stream. */
export function whyNoStream(problem: Problem, inFrame = false): Words {
  const words = whyNoStreamInTab(problem);
  return { title: words.title, detail: (inFrame && NO_STREAM_IN_FRAME[problem.code]) || words.detail };
}

function whyNoStreamInTab(problem: Problem): Words {
  if (problem.status === 404) {
    return {
      title: 'This stream is not running',
      detail: 'It has been stopped, nobody watched it for a while, or it was never started. Start it on the page of all streams.',
    };
  }
  return NO_STREAM[problem.code] ?? { title: problem.title, detail: problem.detail };
}

const NO_API: Record<string, Words> = {
  unauthorized: { title: 'The gateway does not know this token', detail: 'It has to be one of its API_TOKENS, whole.' },
  api_not_public: {
    title: 'From here the streams cannot be managed',
    detail:
      'Without API_TOKENS the gateway lets in its own machine and private networks alone; this request comes from elsewhere, ' +
      'or through a proxy for someone elsewhere. Open this page from there, or set API_TOKENS on the gateway and give one of them here.',
  },
  cross_site: {
    title: 'The browser calls this a request of another site',
    detail:
      'Open this page by its own address in a tab of its own. Where another site has to call the API, set API_TOKENS on the gateway.',
  },
};

/** For who asked the API, with when to come again where the gateway tells. */
export function whyNoAnswer(problem: Problem): Words {
  const { title, detail } = NO_API[problem.code] ?? problem;
  const wait = `${problem.retryAfter} s`;
  // Some details have it in them.
  const again = problem.retryAfter === null || detail.includes(wait) ? '' : `Try again in ${wait}.`;
  return { title: title.replace(/\.$/, ''), detail: [detail, again].filter((part) => part !== '').join(' ') };
}
