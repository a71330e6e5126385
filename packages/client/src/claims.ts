/**
 * Claims of the access token that mirror stored metadata (`claims` of the policy), and that the service reports as
 * stale. Loaded only for a client that wants to know. Each change costs at most one new token; where a new token changes
 * nothing, because the tenant does not map the claim, there is no other attempt until the claim has been fresh.
 */
import type { Fetch, Runtime } from './runtime.ts';
import type { GetAccessToken } from './transport.ts';

export interface ClaimsOptions {
  /**
   * Asks `getAccessToken` for a new token (`forceRefresh`) when the service reports claims of the token as stale: once
   * for each change, not while the tab is hidden, and after a random delay of up to two seconds.
   */
  readonly refreshStaleClaims?: boolean;
  /** Called with the stale claims of the token, whenever they have changed; with none once they are fresh. */
  readonly onClaims?: (stale: readonly string[]) => void;
}

/** Clients that learn of a change together do not ask for tokens together. */
const MAX_JITTER_MS = 2000;
/** An event with claims that are stale for the token of the stream. */
const STALE_EVENT = /"claims_stale": ?\[ ?"/;

/** A `fetch` that looks at the responses of the service on their way to the client. `read` reads the document. */
export function followClaims(
  { fetch, setTimer, random }: Runtime,
  {
    refreshStaleClaims = false,
    onClaims,
    getAccessToken,
  }: ClaimsOptions & { readonly getAccessToken?: GetAccessToken | undefined },
  read: () => Promise<unknown>,
): Fetch {
  let stale: readonly string[] = [];
  /** The claims that a new token has not changed. */
  const unmapped = new Set<string>();
  /** `Authorization` of the latest request, and of those before the last refresh, whose responses no longer count. */
  let latest: string | null = null;
  let outdated: string | undefined;
  /** Of the latest state of the document. */
  let etag: string | null = null;
  let isRefreshing = false;
  let isChecking = false;

  const hasStale = () => stale.some((claim) => !unmapped.has(claim));

  /** Learns which claims of the current token are stale. Errors reach the app by its own requests. */
  async function check(): Promise<void> {
    if (isChecking) return;
    isChecking = true;
    await read().catch(() => undefined);
    isChecking = false;
  }

  async function refresh(getToken: GetAccessToken): Promise<void> {
    isRefreshing = true;
    let before: string | null;
    do {
      await waitUntilVisible();
      await new Promise<void>((resolve) => {
        setTimer(random() * MAX_JITTER_MS, resolve);
      });
      before = etag;
      const token = await getToken({ forceRefresh: true }).catch(() => undefined);
      if (token === undefined) break;
      outdated = latest === `Bearer ${token}` ? undefined : (latest ?? undefined);
      await check();
      // A change after the token was made is another change.
    } while (hasStale() && etag !== before);
    for (const claim of stale) unmapped.add(claim);
    isRefreshing = false;
  }

  function take(names: readonly string[]): void {
    for (const claim of unmapped) if (!names.includes(claim)) unmapped.delete(claim);
    if (names.join() !== stale.join()) {
      stale = names;
      onClaims?.(names);
    }
    if (refreshStaleClaims && getAccessToken && hasStale() && !isRefreshing) void refresh(getAccessToken);
  }

  /** The same stream. Its token may be an earlier one, so that the claims of the current one are looked at. */
  function watchStream(response: Response): Response {
    const decoder = new TextDecoder();
    let text = '';
    const stream = response.body?.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          text += decoder.decode(piece, { stream: true });
          if (STALE_EVENT.test(text) && !isRefreshing) void check();
          // An event may arrive in pieces.
          text = text.slice(text.lastIndexOf('\n') + 1);
          controller.enqueue(piece);
        },
      }),
    );
    return new Response(stream, response);
  }

  return async (url, init) => {
    const sent = new Headers(init.headers).get('authorization');
    latest = sent;
    const response = await fetch(url, init);
    if (!response.ok && response.status !== 304) return response;
    if (/^text\/event-stream\b/.test(response.headers.get('content-type') ?? ''))
      return watchStream(response);
    if (url.endsWith('/me/metadata')) etag = response.headers.get('etag') ?? etag;
    if (/\/me\b/.test(url) && (sent === null || sent !== outdated))
      take(parseList(response.headers.get('claims-stale') ?? ''));
    return response;
  };
}

/** Resolves when the tab is not hidden; at once outside of a browser. */
async function waitUntilVisible(): Promise<void> {
  while (typeof document !== 'undefined' && document.visibilityState === 'hidden') {
    await new Promise((resolve) => {
      document.addEventListener('visibilitychange', resolve, { once: true });
    });
  }
}

/** A structured-field list of strings (RFC 9651 section 3.1). */
function parseList(field: string): string[] {
  return (field.match(/"(?:[^"\\]|\\.)*"/g) ?? []).map((text) =>
    text.slice(1, -1).replaceAll(/\\(.)/g, '$1'),
  );
}
