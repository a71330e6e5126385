/**
 * `/oauth/token` and `/oauth/revoke`, with forms and JSON. Handles client credentials itself, and passes the other grants
 * to oidc-provider.
 */
import { Router } from 'express';
import { IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { allowLocalOrigins } from './addresses.ts';
import { OAuthError } from './auth0-errors.ts';
import type { CallLog } from './call-log.ts';
import type { ClientCredentialsGrant } from './client-credentials.ts';
import type { Faults } from './faults.ts';
import { toProviderScope } from './oidc-translation.ts';

// Auth0 accepts a form or JSON; oidc-provider accepts only a form.

const MAX_BODY_BYTES = 64 * 1024;
const jsonParameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).nullable());

/** The parameters of the request, or 400 `invalid_request`. */
async function readParameters(request: IncomingMessage): Promise<Record<string, string>> {
  const body = await readBody(request);
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === 'application/json') return parseJsonParameters(body);
  return Object.fromEntries(new URLSearchParams(body));
}

/** A request like `request` for `url`, whose body is still to be read and is `parameters` as a form. */
function replayAsForm(
  request: IncomingMessage,
  url: string,
  parameters: Readonly<Record<string, string>>,
): IncomingMessage {
  const form = Buffer.from(new URLSearchParams(parameters).toString());
  const replay = new IncomingMessage(request.socket);
  replay.method = 'POST';
  replay.url = url;
  replay.httpVersion = request.httpVersion;
  replay.headers = {
    ...request.headers,
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': String(form.length),
  };
  delete replay.headers['transfer-encoding'];
  replay.push(form);
  replay.push(null);
  // An incomplete message takes its socket down with it when it is destroyed.
  replay.complete = true;
  return replay;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new OAuthError(413, 'invalid_request', 'The request body is too large');
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString();
}

function parseJsonParameters(body: string): Record<string, string> {
  const parsed = jsonParameters.safeParse(parseJson(body));
  if (!parsed.success) throw new OAuthError(400, 'invalid_request', 'Invalid request payload JSON format');
  const given = Object.entries(parsed.data).filter(([, value]) => value !== null);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

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

  router.post('/token', calls.record, faults.intercept('token'), async (request, response) => {
    const parameters = await readParameters(request);
    if (parameters['grant_type'] !== 'client_credentials') {
      const scope = parameters['scope'];
      const inner = scope === undefined ? parameters : { ...parameters, scope: toProviderScope(scope) };
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
