/**
 * `/userinfo` for tokens whose audience includes it, which oidc-provider would refuse because they are JWTs for an API.
 * Opaque tokens, issued where no audience was asked for, are the provider's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type RequestHandler, Router } from 'express';
import { verifyAccessToken } from './access-tokens.ts';
import type { Addresses } from './addresses.ts';
import { allowLocalOrigins } from './cors.ts';
import type { SigningKeys } from './signing-keys.ts';
import { profileClaims } from './user-claims.ts';
import type { UserStore } from './user-store.ts';

interface Dependencies {
  readonly keys: SigningKeys;
  readonly users: UserStore;
  readonly addresses: Addresses;
  readonly now: () => number;
  readonly provider: (request: IncomingMessage, response: ServerResponse) => void;
}

/** The route `/userinfo`. Tokens bound to a DPoP key are refused: their proof is not looked at here. */
export function createUserinfo({ keys, users, addresses, now, provider }: Dependencies): Router {
  const answer: RequestHandler = async (request, response) => {
    const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) {
      provider(request, response);
      return;
    }
    const userId = await subjectOf(token);
    const user = userId === undefined ? undefined : users.find(userId);
    if (user) response.set('cache-control', 'no-store').json(profileClaims(user));
    else response.status(401).set('www-authenticate', 'Bearer error="invalid_token"').send('Unauthorized');
  };

  async function subjectOf(token: string): Promise<string | undefined> {
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
