/**
 * Rewrites what oidc-provider answers into what Auth0 answers: statuses, error words and the name of the offline
 * scope. Only `/oauth/token` and silent log-ins are touched.
 */
import { outerScope } from './authorize-request.ts';
import { isJsonObject, type JsonObject } from './json.ts';

/** The little of a Koa context that is looked at here. */
interface Exchange {
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly response: { readonly type: string };
  readonly oidc?: { readonly params?: Readonly<Record<string, unknown>> | undefined };
  status: number;
  body: unknown;
}

interface Refusal {
  readonly status: number;
  readonly body: Readonly<Record<string, string>>;
}

/** Koa middleware for the provider; leaves every other path alone. */
export async function answerAsAuth0(ctx: Exchange, next: () => Promise<unknown>): Promise<void> {
  await next();
  // A page that carries a message to its opener is no failure, whatever the message says.
  const delivers = ctx.query['response_mode'] === 'web_message' && ctx.response.type === 'text/html';
  if (ctx.path === '/authorize' && delivers) ctx.status = 200;
  if (ctx.path !== '/oauth/token' || !isJsonObject(ctx.body)) return;
  const { body } = ctx;
  if (typeof body['error'] === 'string') {
    const refused = refusalFor(body['error'], body, ctx.oidc?.params?.['grant_type']);
    ctx.status = refused.status;
    ctx.body = refused.body;
  } else if (typeof body['scope'] === 'string') {
    ctx.body = { ...body, scope: outerScope(body['scope']) };
  }
}

function refusalFor(error: string, body: JsonObject, grantType: unknown): Refusal {
  const description = body['error_description'];
  switch (error) {
    case 'invalid_grant':
      return refusal(403, error, invalidGrantText(grantType));
    case 'invalid_client':
      return refusal(401, 'access_denied', 'Unauthorized');
    case 'use_dpop_nonce':
      return refusal(400, error, 'Authorization server requires nonce in DPoP proof');
    case 'unsupported_grant_type':
      return refusal(403, error, 'Unsupported grant type');
    case 'server_error':
      return refusal(500, error, 'Internal Server Error');
    default:
      return refusal(400, error, typeof description === 'string' ? description : error);
  }
}

function invalidGrantText(grantType: unknown): string {
  return grantType === 'refresh_token' ? 'Unknown or invalid refresh token.' : 'Invalid authorization code';
}

function refusal(status: number, error: string, description: string): Refusal {
  return { status, body: { error, error_description: description } };
}
