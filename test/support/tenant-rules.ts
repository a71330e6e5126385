/** What Auth0 makes of requests: which operation one is, and how changes are merged. */
import { managementToken } from './sentinels.ts';

export type Route = 'discovery' | 'jwks' | 'token' | 'read' | 'change' | 'unknown';
export type Document = Readonly<Record<string, unknown>>;

export interface TenantRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Auth0 merges the first level only, removes what is null there, and takes `{}` for "remove everything". */
export function merged(stored: Document, changes: Document): Document {
  if (Object.keys(changes).length === 0) return {};
  return Object.fromEntries(
    Object.entries({ ...stored, ...changes }).filter(
      ([key]) => changes[key] !== null || !Object.hasOwn(changes, key),
    ),
  );
}

export function userDocument(id: string, stored: Document | undefined): Document {
  return {
    user_id: id,
    updated_at: '2026-01-02T03:04:05.678Z',
    email: 'LEAK-email@example.com',
    ...(stored === undefined ? {} : { user_metadata: stored }),
  };
}

export function tokenAnswer(serial: number): Document {
  return { access_token: managementToken(serial), expires_in: 86_400, token_type: 'Bearer' };
}

export function metadataIn({ body }: TenantRequest): Document {
  const { user_metadata: metadata }: { user_metadata: Document } = JSON.parse(body);
  return metadata;
}

export function routeOf({ method, target }: TenantRequest): Route {
  if (target === '/.well-known/openid-configuration') return 'discovery';
  if (target === '/.well-known/jwks.json') return 'jwks';
  if (method === 'POST' && target === '/oauth/token') return 'token';
  if (!/^\/api\/v2\/users\/[^/?]+(?:\?|$)/.test(target)) return 'unknown';
  if (method === 'GET') return 'read';
  return method === 'PATCH' ? 'change' : 'unknown';
}
