// @ts-check
/** The proxy as the page sees it: the caller's own metadata, read, changed and watched; refusals as typed errors. */

/** @typedef {import('./form/json.js').JsonObject} JsonObject */
/** @typedef {{ readonly value: JsonObject, readonly etag: string, readonly quota: { readonly limit: number, readonly used: number }, readonly cacheStatus: string | undefined }} Snapshot */
/** @typedef {{ readonly pointer: string, readonly detail: string }} Fault */
/** @typedef {(url: string, init: RequestInit) => Promise<Response>} Fetch */
/** @typedef {{ readonly etag: string, readonly keys: readonly string[] }} MetadataChange */

/** A refusal (RFC 9457), or with status 0 no answer at all. */
export class MetadataError extends Error {
  /**
   * @param {{ code: string, status: number, title: string, detail: string, errors: readonly Fault[], requestId: string | undefined, retryAfterSeconds: number | undefined }} facts
   */
  constructor({ code, status, title, detail, errors, requestId, retryAfterSeconds }) {
    super(title);
    this.code = code;
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
    this.requestId = requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Somebody else changed it meanwhile: what is stored now, what the change began from, and the change. */
export class ConflictError extends MetadataError {
  /**
   * @param {ConstructorParameters<typeof MetadataError>[0]} facts
   * @param {{ current: JsonObject, etag: string | undefined, base: JsonObject | undefined, changes: JsonObject }} states
   */
  constructor(facts, { current, etag, base, changes }) {
    super(facts);
    this.current = current;
    this.etag = etag;
    this.base = base;
    this.changes = changes;
  }
}

const RECONNECT_MS = 2_000;

/**
 * Operations reject with a MetadataError, or with what `getAccessToken` rejects with.
 * @param {{ readonly baseUrl: string, readonly getAccessToken?: (request: { readonly fresh: boolean }) => Promise<string>, readonly fetch?: Fetch, readonly retry?: { readonly attemptsMax?: number } }} options, of which `retry` is
 *   not needed: nothing is repeated here
 */
export function createMetadataClient({
  baseUrl,
  getAccessToken,
  fetch: send = (url, init) => fetch(url, init),
}) {
  /** @type {Map<string, JsonObject>} */
  const seen = new Map();

  /**
   * @param {string} path
   * @param {Omit<RequestInit, 'headers'> & { headers?: Record<string, string> }} [init]
   * @returns {Promise<Response>}
   */
  async function request(path, init = {}, fresh = false) {
    const token = await getAccessToken?.({ fresh });
    const headers = { ...init.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const response = await send(baseUrl + path, { ...init, headers }).catch((error) => {
      throw error?.name === 'TypeError' ? noAnswer() : error;
    });
    // The clocks may differ, or the keys may have changed: a new token decides.
    if (response.status === 401 && token && !fresh) return request(path, init, true);
    return response;
  }

  /** @param {Response} response @returns {Promise<Snapshot>} */
  async function snapshot(response) {
    if (!response.ok) throw new MetadataError(factsOf(response, await bodyOf(response)));
    const etag = response.headers.get('ETag') ?? '';
    const value = await response.json();
    seen.set(etag, value);
    const [, limit, used] =
      /limit=(\d+), used=(\d+)/.exec(response.headers.get('Metadata-Quota') ?? '') ?? [];
    const cacheStatus = response.headers.get('Cache-Status') ?? undefined;
    return { value, etag, quota: { limit: Number(limit), used: Number(used) }, cacheStatus };
  }

  /**
   * @param {'PATCH' | 'PUT'} method
   * @param {JsonObject} document
   * @param {string} [etag]
   */
  async function write(method, document, etag) {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers = { 'Content-Type': type, ...(etag ? { 'If-Match': etag } : {}) };
    const response = await request('/me/metadata', { method, headers, body: JSON.stringify(document) });
    if (response.status !== 412) return snapshot(response);
    const body = await bodyOf(response);
    throw new ConflictError(factsOf(response, body), {
      current: body['current'] ?? {},
      etag: response.headers.get('ETag') ?? undefined,
      base: seen.get(etag ?? ''),
      changes: document,
    });
  }

  return {
    /** @param {{ readonly revalidate?: boolean }} [options] */
    async read({ revalidate = false } = {}) {
      return snapshot(await request('/me/metadata', { cache: revalidate ? 'reload' : 'default' }));
    },
    /** Merges `changes` into the document. @param {JsonObject} changes @param {{ readonly ifMatch?: string }} [options] */
    patch: (changes, { ifMatch } = {}) => write('PATCH', changes, ifMatch),
    /** @param {JsonObject} value @param {{ readonly ifMatch?: string }} [options] */
    replace: (value, { ifMatch } = {}) => write('PUT', value, ifMatch),
    async remove() {
      const response = await request('/me/metadata', { method: 'DELETE' });
      if (!response.ok) throw new MetadataError(factsOf(response, await bodyOf(response)));
    },
    /** @returns {Promise<JsonObject>} */
    async schema() {
      return (await snapshot(await request('/schemas/user-metadata'))).value;
    },
    /**
     * Tells `listener` of every change, whoever made it, until the returned function is called.
     * @param {(change: MetadataChange) => void} listener
     * @param {{ readonly onError?: (error: unknown, final: boolean) => void }} [options]
     */
    watch(listener, { onError = () => {} } = {}) {
      const stopped = new AbortController();
      let lastEventId = '';

      async function listen() {
        const headers = {
          Accept: 'text/event-stream',
          ...(lastEventId ? { 'Last-Event-ID': lastEventId } : {}),
        };
        const response = await request('/me/events', { headers, signal: stopped.signal });
        if (!response.ok || !response.body)
          throw new MetadataError(factsOf(response, await bodyOf(response)));
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = '';
        for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
          const frames = (text + piece.value).split('\n\n');
          text = frames.pop() ?? '';
          for (const frame of frames) {
            const [id, data] = ['id', 'data'].map(
              (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(frame)?.[1],
            );
            lastEventId = id ?? lastEventId;
            if (data) listener(JSON.parse(data));
          }
        }
      }

      async function follow() {
        while (!stopped.signal.aborted) {
          await listen().catch((error) => stopped.signal.aborted || onError(error, false));
          await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
        }
      }
      void follow();
      return () => stopped.abort();
    },
  };
}

function noAnswer() {
  return new MetadataError({
    code: 'network_failed',
    status: 0,
    title: 'There was no answer',
    detail: 'The service could not be reached.',
    errors: [],
    requestId: undefined,
    retryAfterSeconds: undefined,
  });
}

/** @param {Response} response */
async function bodyOf(response) {
  return Object(await response.json().catch(() => undefined));
}

/**
 * @param {Response} response
 * @param {Record<string, any>} body
 */
function factsOf({ status, headers }, { code, title, detail, errors, request_id: requestId }) {
  const seconds = Number(headers.get('Retry-After') ?? Number.NaN);
  return {
    code: code ?? 'answer_unusable',
    status,
    title: title ?? 'The request failed',
    detail: detail ?? '',
    errors: errors ?? [],
    requestId,
    retryAfterSeconds: Number.isNaN(seconds) ? undefined : seconds,
  };
}
