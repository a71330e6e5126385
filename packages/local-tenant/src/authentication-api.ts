/**
 * Everything a browser application talks to: authorization, log-in pages, tokens, userinfo, log-out. Puts Auth0's
 * manners in front of oidc-provider.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Router } from 'express';
import type { Addresses } from './addresses.ts';
import { translateAuthorizeQuery } from './authorize-request.ts';
import type { CallLog } from './call-log.ts';
import type { ClientCredentialsGrant } from './client-credentials.ts';
import type { Faults } from './faults.ts';
import { createLogin } from './login.ts';
import { createOidc } from './oidc.ts';
import type { SigningKeys } from './signing-keys.ts';
import { createTokenEndpoint } from './token-endpoint.ts';
import { createUserinfo } from './userinfo.ts';
import type { UserStore } from './user-store.ts';

interface Dependencies {
  readonly keys: SigningKeys;
  readonly users: UserStore;
  readonly calls: CallLog;
  readonly faults: Faults;
  readonly clientCredentials: ClientCredentialsGrant;
  readonly addresses: Addresses;
  readonly now: () => number;
}

/** Routes at the root of the tenant. */
export function createAuthenticationApi(deps: Dependencies): Router {
  const { keys, users, addresses, now } = deps;
  const oidc = createOidc(keys, users, addresses);
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
  router.use(createLogin(oidc, users));
  router.use('/oauth', createTokenEndpoint({ ...deps, provider }));
  router.use(createUserinfo({ keys, users, addresses, now, provider }));
  return router;
}
