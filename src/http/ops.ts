/** The operations listener: life, readiness and metrics, on an address of its own. */
import type { Express } from 'express';
import { createErrorHandler, routeNotFound } from './error-handler.ts';
import { requestBounds } from './request-bounds.ts';
import { requestContext } from './request-context.ts';
import { addResources, createApplication, resource } from './resource.ts';
import { healthRoutes, type Readiness } from './routes/health.ts';

interface Dependencies {
  readonly readiness: Readiness;
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
}

export function createOps({ readiness, metrics }: Dependencies): Express {
  const app = createApplication();
  const onError = createErrorHandler({ algorithms: [], dpopRequired: false });
  app.use(requestContext);
  app.use(requestBounds);
  const resources = [
    ...healthRoutes({ readiness }),
    resource('/metrics', {
      GET: async (_req, res) => {
        res.set('Content-Type', metrics.contentType).send(await metrics.render());
      },
    }),
  ];
  addResources(app, resources, onError);
  app.use(routeNotFound);
  app.use(onError);
  return app;
}
