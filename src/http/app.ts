/** The public listener's application: the ordered list of what a request passes through. */
import cors, { type CorsOptions } from 'cors';
import type { Express, RequestHandler } from 'express';
import helmet from 'helmet';
import type { ChallengeOptions } from './challenge.ts';
import { createErrorHandler, routeNotFound } from './error-handler.ts';
import { requestBounds } from './request-bounds.ts';
import { requestContext } from './request-context.ts';
import { createRequestObserver, type RequestObservers } from './request-observer.ts';
import { addResources, createApplication, type Resource } from './resource.ts';

export interface AppOptions extends ChallengeOptions {
  /** Origins whose pages may read our answers. Nobody else's may. */
  readonly corsOrigins: readonly string[];
  /** Addresses and networks whose `X-Forwarded-*` fields are believed. Never a number of hops. */
  readonly trustedProxies: readonly string[];
}

interface Dependencies {
  readonly resources: readonly Resource[];
  readonly observers: RequestObservers;
}

export function createApp({ resources, observers }: Dependencies, options: AppOptions): Express {
  const app = createApplication();
  app.set('query parser', 'simple');
  app.set('trust proxy', [...options.trustedProxies]);

  app.use(requestContext);
  app.use(createRequestObserver(observers));
  app.use(securityHeaders());
  app.use(requestBounds);
  app.use(crossOrigin(options.corsOrigins));
  addResources(app, resources);
  app.use(routeNotFound);
  app.use(createErrorHandler(options));
  return app;
}

/**
 * An API serves no page: nothing of it may be rendered, framed or sniffed. The fields are the same on every answer, so
 * helmet is asked for them once.
 */
function securityHeaders(): RequestHandler {
  const fields = new Map<string, string>();
  const response = {
    setHeader: (name: string, value: string) => fields.set(name, value),
    removeHeader: () => undefined,
  };
  const setAll = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
    },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  });
  // It uses no more of a response than these two methods.
  Reflect.apply(setAll, undefined, [{}, response, () => undefined]);
  return (_req, res, next) => {
    for (const [name, value] of fields) res.setHeader(name, value);
    next();
  };
}

/** Comes before authentication, because a preflight carries no token. */
function crossOrigin(origins: readonly string[]): RequestHandler {
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
  return (req, res, next) => {
    // An app that is no page of another origin needs none of it.
    if (req.headers.origin === undefined) res.vary('Origin');
    if (req.headers.origin === undefined) next();
    else if (req.headers['access-control-request-method'] === undefined) plain(req, res, next);
    else preflight(req, res, next);
  };
}
