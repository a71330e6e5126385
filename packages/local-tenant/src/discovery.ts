/**
 * What the tenant publishes about itself: the discovery document and the key set, in the shape of Auth0's ("Configure
 * Applications with OIDC Discovery", "JSON Web Key Set Properties").
 */
import { Router } from 'express';
import type { Addresses } from './addresses.ts';
import { allowLocalOrigins } from './cors.ts';
import type { Faults } from './faults.ts';
import type { SigningKeys } from './signing-keys.ts';

/** Routes below `/.well-known`. */
export function createDiscovery(addresses: Addresses, keys: SigningKeys, faults: Faults): Router {
  const router = Router();
  router.use(allowLocalOrigins);
  router.get(
    ['/openid-configuration', '/oauth-authorization-server'],
    faults.on('discovery'),
    (_request, response) => {
      response.set('cache-control', 'public, max-age=15').json(discoveryDocument(addresses));
    },
  );
  router.get('/jwks.json', faults.on('jwks'), (_request, response) => {
    response
      .set('cache-control', 'public, max-age=15')
      .json({ keys: keys.published().map(({ publicJwk }) => publicJwk) });
  });
  return router;
}

function discoveryDocument({ url, issuer }: Addresses): Record<string, unknown> {
  const signingAlgorithms = ['RS256', 'RS384', 'PS256', 'PS384', 'ES256', 'ES384'];
  return {
    issuer,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/oauth/token`,
    userinfo_endpoint: `${url}/userinfo`,
    jwks_uri: `${url}/.well-known/jwks.json`,
    revocation_endpoint: `${url}/oauth/revoke`,
    end_session_endpoint: `${url}/v2/logout`,
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
    claims_supported: [
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
