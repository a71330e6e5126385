/** The operations listener: life, readiness and metrics, on an address of its own. */
import type { Express } from 'express';
import { createErrorHandler, routeNotFound } from './middleware/error-handler.ts';
import { requestBounds } from './middleware/validate-request.ts';
import { addResources, answerServerOptions, createApplication, resource } from './routes/route.ts';
import { healthRoutes, type Readiness } from './routes/health.ts';
import { sendResponse, unreadAnswers } from './response.ts';

interface Dependencies {
  readonly readiness: Readiness;
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
}

export function createOps({ readiness, metrics }: Dependencies): Express {
  const app = createApplication();
  const onError = createErrorHandler({ algorithms: [], dpopRequired: false });
  app.use(requestBounds);
  const resources = [
    ...healthRoutes({ readiness }),
    resource('/metrics', {
      GET: async (_req, res) => {
        const text = Buffer.from(await metrics.render());
        const headers = { 'Content-Type': metrics.contentType, 'Content-Length': text.length };
        sendResponse(res, 200, headers, unreadAnswers.share(res, undefined, text));
      },
    }),
  ];
  addResources(app, resources, onError);
  app.use(answerServerOptions(['GET', 'HEAD']));
  app.use(routeNotFound);
  app.use(onError);
  return app;
}
