/** The public listener's application: the ordered list of what a request passes through. */
import type { Express } from 'express';
import type { ChallengeOptions } from './challenge.ts';
import { createErrorHandler, routeNotFound } from './error-handler.ts';
import { crossOrigin, securityHeaders } from './fixed-fields.ts';
import { requestBounds } from './request-bounds.ts';
import { requestContext } from './request-context.ts';
import { createRequestObserver, type RequestObservers } from './request-observer.ts';
import { addResources, answerServerOptions, createApplication, type Resource } from './resource.ts';

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
  const onError = createErrorHandler(options);
  addResources(app, resources, onError);
  app.use(answerServerOptions(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']));
  app.use(routeNotFound);
  app.use(onError);
  return app;
}
