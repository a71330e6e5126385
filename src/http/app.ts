/** The public listener's application: the ordered list of what a request passes through. */
import cors, { type CorsOptions } from 'cors';
import express, { type Express, type Router } from 'express';
import helmet from 'helmet';
import type { ChallengeOptions } from './challenge.ts';
import { createErrorHandler, routeNotFound } from './error-handler.ts';
import { requestBounds } from './request-bounds.ts';
import { requestContext } from './request-context.ts';
import { createRequestObserver, type RequestObservers } from './request-observer.ts';

export interface AppOptions extends ChallengeOptions {
  /** Origins whose pages may read our answers. Nobody else's may. */
  readonly corsOrigins: readonly string[];
  /** Addresses and networks whose `X-Forwarded-*` fields are believed. Never a number of hops. */
  readonly trustedProxies: readonly string[];
}

interface Dependencies {
  readonly routes: readonly Router[];
  readonly observers: RequestObservers;
}

export function createApp({ routes, observers }: Dependencies, options: AppOptions): Express {
  const app = express();
  app.set('etag', false);
  app.set('x-powered-by', false);
  app.set('query parser', 'simple');
  app.set('trust proxy', [...options.trustedProxies]);

  app.use(requestContext);
  app.use(createRequestObserver(observers));
  app.use(securityHeaders());
  app.use(requestBounds);
  app.use(crossOrigin(options.corsOrigins));
  for (const router of routes) app.use(router);
  app.use(routeNotFound);
  app.use(createErrorHandler(options));
  return app;
}

/** An API serves no page: nothing of it may be rendered, framed or sniffed. */
function securityHeaders() {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
    },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  });
}

/** Comes before authentication, because a preflight carries no token. */
function crossOrigin(origins: readonly string[]) {
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
    ],
    maxAge: 600,
  };
  return cors((req, callback) => {
    // A plain OPTIONS is a question about the resource, and is answered by it.
    callback(null, { ...options, preflightContinue: !req.headers['access-control-request-method'] });
  });
}
