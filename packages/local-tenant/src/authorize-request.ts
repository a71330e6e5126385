/**
 * Translates Auth0's authorization requests into oidc-provider's: `audience` becomes `resource`, parameters Auth0
 * ignores are dropped, and what Auth0 tolerates is made tolerable.
 */

/**
 * The name `offline_access` goes by inside the provider, which drops the real one unless the user is asked to consent.
 * Auth0 does not ask for first-party applications, and grants it in silent log-ins too.
 */
export const OFFLINE_SCOPE = 'tenant:offline';

const passedOn = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'state',
  'code_challenge',
  'code_challenge_method',
  'login_hint',
  'dpop_jkt',
];
// The provider refuses these without the openid scope; Auth0 does not mind.
const passedOnWithOpenid = ['nonce', 'max_age', 'id_token_hint'];
const DEFAULT_SCOPE = 'openid profile email';

/** The query of an authorization request as the provider is to see it. */
export function translateAuthorizeQuery(received: URLSearchParams): URLSearchParams {
  const scope = innerScope(received.get('scope') || DEFAULT_SCOPE);
  const names = scope.split(' ').includes('openid') ? [...passedOn, ...passedOnWithOpenid] : passedOn;
  const query = new URLSearchParams({ scope });
  for (const name of names) {
    const value = received.get(name);
    if (value !== null && value !== '') query.set(name, value);
  }
  const audience = received.get('audience');
  if (audience) query.set('resource', audience);
  // First-party applications have nothing to consent to and there is one account to select: only these two matter.
  const prompt = received.get('prompt')?.split(' ') ?? [];
  for (const known of ['none', 'login']) if (prompt.includes(known)) query.set('prompt', known);
  return query;
}

/** A scope list with `offline_access` under its inner name. */
export function innerScope(scope: string): string {
  return renamed(scope, 'offline_access', OFFLINE_SCOPE);
}

/** A scope list with `offline_access` under its real name. */
export function outerScope(scope: string): string {
  return renamed(scope, OFFLINE_SCOPE, 'offline_access');
}

function renamed(scope: string, from: string, to: string): string {
  return scope
    .split(' ')
    .map((name) => (name === from ? to : name))
    .join(' ');
}
