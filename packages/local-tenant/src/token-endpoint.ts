/**
 * `/oauth/token` and `/oauth/revoke`: reads forms and JSON alike, answers client credentials itself, and hands every
 * other grant on to the OpenID provider.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Router } from 'express';
import { innerScope } from './authorize-request.ts';
import type { CallLog } from './call-log.ts';
import type { ClientCredentialsGrant } from './client-credentials.ts';
import { allowLocalOrigins } from './cors.ts';
import type { Faults } from './faults.ts';
import { readParameters, replayAsForm } from './request-body.ts';

interface Dependencies {
  readonly calls: CallLog;
  readonly faults: Faults;
  readonly clientCredentials: ClientCredentialsGrant;
  readonly provider: (request: IncomingMessage, response: ServerResponse) => void;
}

/** Routes below `/oauth`. */
export function createTokenEndpoint({ calls, faults, clientCredentials, provider }: Dependencies): Router {
  const router = Router();
  router.use(allowLocalOrigins);

  router.post('/token', calls.record, faults.on('token'), async (request, response) => {
    const parameters = await readParameters(request);
    if (parameters['grant_type'] !== 'client_credentials') {
      const scope = parameters['scope'];
      const inner = scope === undefined ? parameters : { ...parameters, scope: innerScope(scope) };
      provider(replayAsForm(request, request.originalUrl, inner), response);
      return;
    }
    const issued = await clientCredentials.issue(parameters, request.headers.authorization);
    response.set({ 'cache-control': 'no-store', pragma: 'no-cache' }).json(issued);
  });

  router.post('/revoke', async (request, response) => {
    provider(replayAsForm(request, request.originalUrl, await readParameters(request)), response);
  });

  return router;
}
