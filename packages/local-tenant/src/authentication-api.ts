/**
 * The endpoints for browser applications: authorization, login pages, tokens, userinfo, logout, discovery. Translates
 * between Auth0's behavior and oidc-provider's.
 */
import { type RequestHandler, Router } from 'express';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { verifyAccessToken } from './access-tokens.ts';
import { type Addresses, allowLocalOrigins } from './addresses.ts';
import type { Apis } from './apis.ts';
import type { CallLog } from './call-log.ts';
import type { ClientCredentialsGrant } from './client-credentials.ts';
import type { Faults } from './faults.ts';
import { createLogin, type LoginDependencies } from './login.ts';
import { translateAuthorizeQuery } from './oidc-translation.ts';
import { createOidc } from './oidc.ts';
import { MULTI_FACTOR_ACR, type PostLogin } from './post-login.ts';
import type { SigningKeys } from './signing-keys.ts';
import { createTokenEndpoint } from './token-endpoint.ts';
import { getProfileClaims, type UserStore } from './user-store.ts';

// oidc-provider refuses `/userinfo` to JWTs for an API, although their audience includes it. It handles opaque tokens
// itself, which are issued without an audience.

interface UserinfoDependencies {
  readonly keys: SigningKeys;
  readonly users: UserStore;
  readonly addresses: Addresses;
  readonly now: () => number;
  readonly provider: (request: IncomingMessage, response: ServerResponse) => void;
}

/** The route `/userinfo`. Tokens bound to a DPoP key are refused: their proof is not looked at here. */
function createUserinfo({ keys, users, addresses, now, provider }: UserinfoDependencies): Router {
  const answer: RequestHandler = async (request, response) => {
    const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) {
      provider(request, response);
      return;
    }
    const userId = await readSubject(token);
    const user = userId === undefined ? undefined : users.find(userId);
    if (user) response.set('cache-control', 'no-store').json(getProfileClaims(user));
    else response.status(401).set('www-authenticate', 'Bearer error="invalid_token"').send('Unauthorized');
  };

  async function readSubject(token: string): Promise<string | undefined> {
    try {
      const claims = await verifyAccessToken(token, keys, addresses, now());
      const intended = [claims['aud']].flat().includes(addresses.userinfoAudience);
      return intended && claims['cnf'] === undefined ? String(claims['sub']) : undefined;
    } catch {
      return undefined;
    }
  }

  const router = Router();
  router.use('/userinfo', allowLocalOrigins);
  router.get('/userinfo', answer);
  router.post('/userinfo', answer);
  return router;
}

interface Dependencies extends LoginDependencies {
  readonly keys: SigningKeys;
  readonly calls: CallLog;
  readonly faults: Faults;
  readonly clientCredentials: ClientCredentialsGrant;
  readonly apis: Apis;
  readonly postLogin: PostLogin;
  readonly addresses: Addresses;
  readonly now: () => number;
}

/** Routes at the root of the tenant. */
export function createAuthenticationApi(deps: Dependencies): Router {
  const { keys, users, addresses, now } = deps;
  const oidc = createOidc(deps);
  const provider = (request: IncomingMessage, response: ServerResponse) => {
    void oidc.provider().callback()(request, response);
  };
  const router = Router();

  router.get('/authorize', (request, response) => {
    const received = new URL(request.originalUrl, addresses.url).searchParams;
    request.url = `/authorize?${translateAuthorizeQuery(received).toString()}`;
    provider(request, response);
  });
  router.get('/authorize/:uid', provider);
  // The provider ends another user's session through a page that posts here.
  router.post('/session/end/confirm', provider);
  router.use(createLogin(oidc, deps));
  router.use('/oauth', createTokenEndpoint({ ...deps, provider }));
  router.use(createUserinfo({ keys, users, addresses, now, provider }));
  return router;
}

// The discovery document and the key set, as Auth0's ("Configure Applications with OIDC Discovery", "JSON Web Key Set
// Properties").

/** Routes below `/.well-known`. */
export function createDiscovery(addresses: Addresses, keys: SigningKeys, faults: Faults): Router {
  const router = Router();
  router.use(allowLocalOrigins);
  router.get(
    ['/openid-configuration', '/oauth-authorization-server'],
    faults.intercept('discovery'),
    (_request, response) => {
      response.set('cache-control', 'public, max-age=15').json(createDiscoveryDocument(addresses));
    },
  );
  router.get('/jwks.json', faults.intercept('jwks'), (_request, response) => {
    response
      .set('cache-control', 'public, max-age=15')
      .json({ keys: keys.published().map(({ publicJwk }) => publicJwk) });
  });
  return router;
}

function createDiscoveryDocument({ url, issuer }: Addresses): Record<string, unknown> {
  const signingAlgorithms = ['RS256', 'RS384', 'PS256', 'PS384', 'ES256', 'ES384'];
  return {
    issuer,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/oauth/token`,
    userinfo_endpoint: `${url}/userinfo`,
    jwks_uri: `${url}/.well-known/jwks.json`,
    revocation_endpoint: `${url}/oauth/revoke`,
    end_session_endpoint: `${url}/oidc/logout`,
    scopes_supported: ['openid', 'profile', 'offline_access', 'email'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    code_challenge_methods_supported: ['S256'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['HS256', 'RS256', 'PS256'],
    token_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'none',
    ],
    token_endpoint_auth_signing_alg_values_supported: signingAlgorithms,
    dpop_signing_alg_values_supported: ['ES256'],
    acr_values_supported: [MULTI_FACTOR_ACR],
    claims_supported: [
      'acr',
      'amr',
      'aud',
      'auth_time',
      'email',
      'email_verified',
      'exp',
      'iat',
      'iss',
      'name',
      'nickname',
      'picture',
      'sub',
    ],
    request_uri_parameter_supported: false,
    request_parameter_supported: false,
  };
}
