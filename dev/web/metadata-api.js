// @ts-check
/** The proxy as the page sees it: three operations on the caller's own metadata, and problems as plain values. */
import { isJsonObject } from './merge-patch.js';

/** @typedef {import('./merge-patch.js').JsonObject} JsonObject */

/**
 * A document as it was answered, with what the header fields say of it.
 * @typedef {object} Stored
 * @property {JsonObject} document
 * @property {string} etag
 * @property {string | null} cacheStatus where a read came from; null after a write
 * @property {string | null} quota
 */

/**
 * A refusal (RFC 9457), or a failure to get any answer at all.
 * @typedef {object} Problem
 * @property {number} status 0 when there was no answer
 * @property {string} code
 * @property {string} title
 * @property {string} detail
 * @property {ReadonlyArray<{ pointer: string, detail: string }>} errors
 * @property {string | null} requestId
 * @property {string | null} retryAfter
 * @property {Stored | undefined} current what is stored instead of what was expected
 */

/** @typedef {Omit<RequestInit, 'headers'> & { headers?: Record<string, string> }} RequestOptions */

/** An operation that failed, for the reason in `problem`. */
export class MetadataError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.title);
    this.problem = problem;
  }
}

/**
 * Every operation rejects with a MetadataError, or with the session's error when the user has to log in again.
 * @param {import('./session.js').Session} session
 * @param {{ readonly apiBaseUrl: string }} options
 */
export function createMetadataApi(session, { apiBaseUrl }) {
  const address = `${apiBaseUrl}/me/metadata`;

  /**
   * @param {string} url
   * @param {RequestOptions} init
   */
  async function send(url, init) {
    const response = await sendWith(await session.token(), url, init);
    // The clocks may differ, or the keys may have changed: a new token decides.
    if (response.status !== 401) return answered(response);
    return answered(await sendWith(await session.token({ renew: true }), url, init));
  }

  return {
    /**
     * @param {{ readonly pastCache?: boolean }} [options]
     * @returns {Promise<Stored>}
     */
    async read({ pastCache = false } = {}) {
      return storedFrom(await send(address, { cache: pastCache ? 'reload' : 'default' }));
    },
    /**
     * Merges `patch` into the document, provided that it still is the one with this tag.
     * @param {JsonObject} patch
     * @param {string} etag
     * @returns {Promise<Stored>}
     */
    async patch(patch, etag) {
      const headers = { 'Content-Type': 'application/merge-patch+json', 'If-Match': etag };
      return storedFrom(await send(address, { method: 'PATCH', headers, body: JSON.stringify(patch) }));
    },
    /** @param {string} key */
    async removeKey(key) {
      await send(`${address}/${encodeURIComponent(key)}`, { method: 'DELETE' });
    },
  };
}

/**
 * @param {string} token
 * @param {string} url
 * @param {RequestOptions} init
 */
async function sendWith(token, url, init) {
  const headers = { ...init.headers, Authorization: `Bearer ${token}` };
  try {
    return await fetch(url, { ...init, headers });
  } catch {
    throw new MetadataError(
      problemOf(0, null, { title: 'The proxy cannot be reached', detail: 'Is it running?' }),
    );
  }
}

/** @param {Response} response */
async function answered(response) {
  if (response.ok) return response;
  /** @type {unknown} */
  const body = await response.json().catch(() => undefined);
  throw new MetadataError(problemOf(response.status, response.headers, body));
}

/**
 * @param {number} status
 * @param {Headers | null} headers
 * @param {unknown} body
 * @returns {Problem}
 */
function problemOf(status, headers, body) {
  const { code, title, detail, errors, request_id: requestId, current } = isJsonObject(body) ? body : {};
  const etag = headers?.get('ETag');
  return {
    status,
    code: text(code, ''),
    title: text(title, 'The request failed'),
    detail: text(detail, ''),
    errors: (Array.isArray(errors) ? errors : [])
      .filter(isJsonObject)
      .map((error) => ({ pointer: text(error['pointer'], ''), detail: text(error['detail'], '') })),
    requestId: typeof requestId === 'string' ? requestId : null,
    retryAfter: headers?.get('Retry-After') ?? null,
    current:
      etag && isJsonObject(current) ? { document: current, etag, cacheStatus: null, quota: null } : undefined,
  };
}

/**
 * @param {unknown} value
 * @param {string} fallback
 */
function text(value, fallback) {
  return typeof value === 'string' ? value : fallback;
}

/**
 * @param {Response} response
 * @returns {Promise<Stored>}
 */
async function storedFrom(response) {
  return {
    document: await response.json(),
    etag: response.headers.get('ETag') ?? '',
    cacheStatus: response.headers.get('Cache-Status'),
    quota: response.headers.get('Metadata-Quota'),
  };
}
