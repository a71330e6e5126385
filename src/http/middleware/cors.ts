/** Which pages may read the answers, and what they may send (https://fetch.spec.whatwg.org/#http-cors-protocol). */
import cors from 'cors';
import type { RequestHandler } from 'express';
import { sendResponse } from '../response.ts';
import { getContext } from './request-context.ts';
import { readHeaders } from './security-headers.ts';

export interface CrossOriginOptions {
  /** Origins whose pages may read our answers, no others. `https://*.example.com`: any one label for the star. */
  readonly corsOrigins: readonly string[];
  /** Request headers beside those that the service reads itself. */
  readonly corsAllowedHeaders: readonly string[];
}

/** Request headers that pages need for what the service offers, and those that tracing adds to any request. */
const ALLOWED_HEADERS = [
  'Authorization',
  'Content-Type',
  'Auth0-Client',
  'DPoP',
  'If-Match',
  'If-None-Match',
  'Prefer',
  'Cache-Control',
  'Pragma',
  'Last-Event-ID',
  'X-Request-Id',
  'traceparent',
  'tracestate',
];

const EXPOSED_HEADERS = [
  'ETag',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Cache-Status',
  'Age',
  'Content-Disposition',
  'Metadata-Quota',
  'Claims-Stale',
  'WWW-Authenticate',
  'DPoP-Nonce',
  'X-Request-Id',
];

const ALLOW_ORIGIN = 'Access-Control-Allow-Origin';

/**
 * Adds to every answer which pages may read it, and to the answer to a preflight what they may send. Runs before
 * authentication, because a preflight carries no token.
 */
export function createCors({ corsOrigins, corsAllowedHeaders }: CrossOriginOptions): RequestHandler {
  const known = new Set(ALLOWED_HEADERS.map((name) => name.toLowerCase()));
  const added = corsAllowedHeaders.filter((name) => !known.has(name.toLowerCase()));
  const middleware = cors({
    // `isAllowed` decides which origins are allowed, without a search through the list for each request.
    origin: true,
    methods: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [...ALLOWED_HEADERS, ...added],
    exposedHeaders: EXPOSED_HEADERS.join(','),
    maxAge: 600,
    preflightContinue: true,
  });
  const isAllowed = createOriginMatcher(corsOrigins);
  const createHeaders = (method: string) =>
    createOriginHeaders((origin) => readHeaders(middleware, { method, origin }));
  const getHeaders = createHeaders('GET');
  const getPreflightHeaders = createHeaders('OPTIONS');
  return function crossOrigin(req, _res, next) {
    const { headers } = getContext(req);
    const { origin } = req.headers;
    // A request that no page of another origin sent needs nothing else.
    if (origin === undefined) headers.push('Vary', 'Origin');
    else {
      const get = req.method === 'OPTIONS' ? getPreflightHeaders : getHeaders;
      headers.push(...get(origin, isAllowed(origin)));
    }
    next();
  };
}

/** Ends a preflight; a plain OPTIONS is a question about the resource, and is answered by it. */
export const answerPreflight: RequestHandler = (req, res, next) => {
  const { origin, 'access-control-request-method': method } = req.headers;
  if (req.method !== 'OPTIONS' || origin === undefined || method === undefined) next();
  else sendResponse(res, 204, [{ 'Content-Length': 0 }]);
};

/** Whether an origin is one of the list, or any one label in place of a star in it. */
function createOriginMatcher(origins: readonly string[]): (origin: string) => boolean {
  const wildcards = origins.filter((origin) => origin.startsWith(ANY_LABEL));
  const suffixes = new Set(wildcards.map((origin) => origin.slice(ANY_LABEL.length)));
  const exact = new Set(origins.filter((origin) => !origin.startsWith(ANY_LABEL)));
  return (origin) => {
    if (exact.has(origin)) return true;
    const [, suffix] = FIRST_LABEL.exec(origin) ?? [];
    return suffix !== undefined && suffixes.has(suffix);
  };
}

/** What a wildcard begins with; what follows begins with a dot. */
const ANY_LABEL = 'https://*';
/** The characters that browsers leave in a label, punycode included. */
const FIRST_LABEL = /^https:\/\/[a-z0-9_-]+(\..+)$/;

/** The headers of an answer to a page. They differ in the origin alone, so that `read` runs once. */
function createOriginHeaders(read: (origin: string) => readonly string[]) {
  const all = read('https://example.invalid');
  const at = all.indexOf(ALLOW_ORIGIN);
  const others = all.toSpliced(at, 2);
  return (origin: string, allowed: boolean): readonly string[] =>
    allowed ? [ALLOW_ORIGIN, origin, ...others] : others;
}
