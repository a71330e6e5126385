/**
 * Header fields that are the same on every answer, or on every answer to pages of one origin. helmet and cors know which;
 * they are asked once, and what they said is set from then on.
 */
import cors from 'cors';
import type { RequestHandler, Response } from 'express';
import helmet from 'helmet';

type Fields = ReadonlyArray<readonly [name: string, value: string]>;

/** An API serves no page: nothing of it may be rendered, framed or sniffed. */
export function securityHeaders(): RequestHandler {
  const fields = fieldsSetBy(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
      },
      referrerPolicy: { policy: 'no-referrer' },
      xFrameOptions: { action: 'deny' },
    }),
  );
  return (_req, res, next) => {
    setAll(res, fields);
    next();
  };
}

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
  'WWW-Authenticate',
  'DPoP-Nonce',
  'X-Request-Id',
];

const ALLOW_ORIGIN = 'Access-Control-Allow-Origin';

/**
 * Says on every answer which pages may read it (https://fetch.spec.whatwg.org/#http-cors-protocol), and on the answer to
 * a preflight what they may send. Comes before authentication, because a preflight carries no token.
 */
export function crossOrigin({ corsOrigins, corsAllowedHeaders }: CrossOriginOptions): RequestHandler {
  const known = new Set(ALLOWED_HEADERS.map((name) => name.toLowerCase()));
  const added = corsAllowedHeaders.filter((name) => !known.has(name.toLowerCase()));
  const middleware = cors({
    // Which origins are allowed is decided below; it would look through a list each time.
    origin: true,
    methods: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [...ALLOWED_HEADERS, ...added],
    exposedHeaders: EXPOSED_HEADERS.join(','),
    maxAge: 600,
    preflightContinue: true,
  });
  const isAllowed = matchOrigins(corsOrigins);
  const fields = createOriginFields((origin) => fieldsSetBy(middleware, 'GET', origin));
  const preflightFields = createOriginFields((origin) => fieldsSetBy(middleware, 'OPTIONS', origin));
  // An app that is no page of another origin needs none of it.
  const nowhere: Fields = [['Vary', 'Origin']];
  return (req, res, next) => {
    const { origin } = req.headers;
    if (origin === undefined) setAll(res, nowhere);
    else setAll(res, (req.method === 'OPTIONS' ? preflightFields : fields)(origin, isAllowed(origin)));
    next();
  };
}

/** Ends a preflight; a plain OPTIONS is a question about the resource, and is answered by it. */
export const answerPreflight: RequestHandler = (req, res, next) => {
  const { origin, 'access-control-request-method': method } = req.headers;
  if (req.method !== 'OPTIONS' || origin === undefined || method === undefined) next();
  else res.status(204).set('Content-Length', '0').end();
};

/** Whether an origin is one of the list, or any one label in place of a star in it. */
function matchOrigins(origins: readonly string[]): (origin: string) => boolean {
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

/** The fields of an answer to a page; they differ in the origin alone, so that they are made once. */
function createOriginFields(make: (origin: string) => Fields) {
  const others = make('https://example.invalid').filter(([name]) => name !== ALLOW_ORIGIN);
  return (origin: string, allowed: boolean): Fields =>
    allowed ? [[ALLOW_ORIGIN, origin], ...others] : others;
}

function setAll(res: Response, fields: Fields): void {
  for (const [name, value] of fields) res.setHeader(name, value);
}

/** What a middleware sets on an answer. Neither of the two uses more of a response than these methods. */
function fieldsSetBy(
  middleware: ReturnType<typeof helmet> | RequestHandler,
  method = 'GET',
  origin?: string,
): Fields {
  const fields = new Map<string, string>();
  const response = {
    getHeader: (name: string) => fields.get(name),
    setHeader: (name: string, value: string) => fields.set(name, value),
    removeHeader: (name: string) => fields.delete(name),
  };
  Reflect.apply(middleware, undefined, [{ method, headers: { origin } }, response, () => undefined]);
  return [...fields];
}
