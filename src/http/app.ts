/** The public listener's application: the ordered list of what a request passes through. */
import type { Express } from 'express';
import type { ChallengeOptions } from './middleware/authorize.ts';
import { createErrorHandler, routeNotFound } from './middleware/error-handler.ts';
import { answerPreflight, createCors, type CrossOriginOptions } from './middleware/cors.ts';
import { createSecurityHeaders } from './middleware/security-headers.ts';
import { selectPublicAddress } from './middleware/public-address.ts';
import { requestBounds } from './middleware/validate-request.ts';
import { createRequestObserver, type RequestObservers } from './middleware/request-context.ts';
import { addResources, answerServerOptions, createApplication, type Resource } from './routes/route.ts';

export interface AppOptions extends ChallengeOptions, CrossOriginOptions {
  /** Addresses at which callers reach the service. Empty: whatever host a request names. */
  readonly publicUrls: readonly string[];
  /** Addresses and networks whose `X-Forwarded-*` fields are believed. Never a number of hops. */
  readonly trustedProxies: readonly string[];
}

interface Dependencies {
  readonly resources: readonly Resource[];
  /** Health, for those who can reach this listener only. */
  readonly health: readonly Resource[];
  readonly observers: RequestObservers;
}

export function createApp({ resources, health, observers }: Dependencies, options: AppOptions): Express {
  const { publicUrls } = options;
  const all = [...resources, ...health];
  const app = createApplication();
  app.set('query parser', 'simple');
  app.set('trust proxy', [...options.trustedProxies]);

  app.use(createRequestObserver(observers));
  app.use(createSecurityHeaders());
  app.use(requestBounds);
  // In this order a page can read why its request was refused, and no preflight is granted for a foreign host.
  app.use(createCors(options));
  if (publicUrls.length > 0) app.use(selectPublicAddress(all, { publicUrls, exempt: health }));
  app.use(answerPreflight);
  const onError = createErrorHandler(options);
  addResources(app, all, onError);
  app.use(answerServerOptions(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']));
  app.use(routeNotFound);
  app.use(onError);
  return app;
}
