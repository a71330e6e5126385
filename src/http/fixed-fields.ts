/**
 * Header fields that are the same on every answer, or on every answer to pages of one origin. helmet and cors know which;
 * they are asked once, and what they said is set from then on.
 */
import cors, { type CorsOptions } from 'cors';
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

/**
 * Lets pages of these origins read what is answered, and nobody else's. Comes before authentication, because a
 * preflight carries no token.
 */
export function crossOrigin(origins: readonly string[]): RequestHandler {
  const options: CorsOptions = {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'Authorization',
      'Content-Type',
      'Auth0-Client',
      'DPoP',
      'If-Match',
      'If-None-Match',
      'Prefer',
      'Cache-Control',
      'Last-Event-ID',
      'X-Request-Id',
    ],
    exposedHeaders: [
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
    ].join(','),
    maxAge: 600,
  };
  const preflight = cors(options);
  // A plain OPTIONS is a question about the resource, and is answered by it.
  const plain = cors({ ...options, preflightContinue: true });
  const byOrigin = new Map(origins.map((origin) => [origin, fieldsSetBy(plain, origin)]));
  const elsewhere = fieldsSetBy(plain, 'https://elsewhere.invalid');
  // An app that is no page of another origin needs none of it.
  const nowhere: Fields = [['Vary', 'Origin']];
  return (req, res, next) => {
    const { origin, 'access-control-request-method': method } = req.headers;
    if (origin !== undefined && req.method === 'OPTIONS') {
      (method === undefined ? plain : preflight)(req, res, next);
      return;
    }
    setAll(res, origin === undefined ? nowhere : (byOrigin.get(origin) ?? elsewhere));
    next();
  };
}

function setAll(res: Response, fields: Fields): void {
  for (const [name, value] of fields) res.setHeader(name, value);
}

/** What a middleware sets on the answer to a GET. Neither of the two uses more of a response than these methods. */
function fieldsSetBy(middleware: ReturnType<typeof helmet> | RequestHandler, origin?: string): Fields {
  const fields = new Map<string, string>();
  const response = {
    getHeader: (name: string) => fields.get(name),
    setHeader: (name: string, value: string) => fields.set(name, value),
    removeHeader: (name: string) => fields.delete(name),
  };
  Reflect.apply(middleware, undefined, [{ method: 'GET', headers: { origin } }, response, () => undefined]);
  return [...fields];
}
