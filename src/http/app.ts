/** The public application: what a request passes through, in order. */
import type { Express } from 'express';
import type { ChallengeOptions } from './middleware/authorize.ts';
import { createErrorHandler, routeNotFound } from './middleware/error-handler.ts';
import { answerPreflight, createCors, type CrossOriginOptions } from './middleware/cors.ts';
import { createSecurityHeaders } from './middleware/security-headers.ts';
import { createPublicAddress } from './middleware/public-address.ts';
import { validateRequest } from './middleware/validate-request.ts';
import { createRequestObserver, type RequestObservers } from './middleware/request-context.ts';
import { addRoutes, answerServerOptions, createApplication, type Route } from './routes/route.ts';

export interface AppOptions extends ChallengeOptions, CrossOriginOptions {
  /** Addresses at which callers reach the service. Empty: any host that a request names. */
  readonly publicUrls: readonly string[];
  /** Addresses and networks whose `X-Forwarded-*` headers are trusted. Never a number of hops. */
  readonly trustedProxies: readonly string[];
}

interface Dependencies {
  readonly routes: readonly Route[];
  /** Health, where this listener serves it too. */
  readonly health: readonly Route[];
  readonly observers: RequestObservers;
}

export function createApp({ routes, health, observers }: Dependencies, options: AppOptions): Express {
  const { publicUrls } = options;
  const all = [...routes, ...health];
  const app = createApplication();
  app.set('query parser', 'simple');
  app.set('trust proxy', [...options.trustedProxies]);

  app.use(createRequestObserver(observers));
  app.use(createSecurityHeaders());
  app.use(validateRequest);
  // In this order a page can read why its request was refused, and no preflight is granted for a foreign host.
  app.use(createCors(options));
  if (publicUrls.length > 0) app.use(createPublicAddress(all, { publicUrls, exempt: health }));
  app.use(answerPreflight);
  const onError = createErrorHandler(options);
  addRoutes(app, all, onError);
  app.use(answerServerOptions(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']));
  app.use(routeNotFound);
  app.use(onError);
  return app;
}
