/** The admin application: liveness, readiness and metrics, on an address of its own. */
import type { Express } from 'express';
import { createErrorHandler, routeNotFound } from './middleware/error-handler.ts';
import { validateRequest } from './middleware/validate-request.ts';
import { addRoutes, answerServerOptions, createApplication, createRoute } from './routes/route.ts';
import { createHealthRoutes, type Readiness } from './routes/health.ts';
import { sendResponse, unreadAnswers } from './response.ts';

interface Dependencies {
  readonly readiness: Readiness;
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
}

export function createAdminApp({ readiness, metrics }: Dependencies): Express {
  const app = createApplication();
  const onError = createErrorHandler({ algorithms: [], dpopRequired: false });
  app.use(validateRequest);
  const routes = [
    ...createHealthRoutes({ readiness }),
    createRoute('/metrics', {
      GET: async (_req, res) => {
        const text = Buffer.from(await metrics.render());
        const headers = { 'Content-Type': metrics.contentType, 'Content-Length': text.length };
        sendResponse(res, 200, [headers], unreadAnswers.share(res, undefined, text));
      },
    }),
  ];
  addRoutes(app, routes, onError);
  app.use(answerServerOptions(['GET', 'HEAD']));
  app.use(routeNotFound);
  app.use(onError);
  return app;
}
