/**
 * Verifies `private_key_jwt` client assertions (Auth0, "Authenticate with Private Key JWT"): registered key, audience
 * the issuer, at most five minutes of life, and each `jti` good for one use.
 */
import { decodeJwt, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Addresses } from './addresses.ts';
import type { ClientStore, TenantClient } from './client-store.ts';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const LIFETIME_SECONDS_MAX = 300;
const SKEW_SECONDS = 10;
const algorithms = ['RS256', 'RS384', 'PS256', 'PS384', 'ES256', 'ES384'];

const claimsSchema = z.object({
  iss: z.string().max(64),
  sub: z.string().max(64),
  aud: z.string(),
  exp: z.number(),
  jti: z.string().min(1).max(64),
});

export interface ClientAssertions {
  /** The client that signed, or undefined for anything that is not a valid, unused assertion. */
  verify(assertion: string): Promise<TenantClient | undefined>;
}

/** Verification with a memory of used `jti`s. `now` is in milliseconds since 1970. */
export function createClientAssertions(
  clients: ClientStore,
  addresses: Addresses,
  now: () => number,
): ClientAssertions {
  const usedUntil = new Map<string, number>();

  function useOnce(id: string, expiresAt: number): boolean {
    const seconds = now() / 1000;
    for (const [used, until] of usedUntil) if (until < seconds) usedUntil.delete(used);
    if (usedUntil.has(id)) return false;
    usedUntil.set(id, expiresAt + SKEW_SECONDS);
    return true;
  }

  return {
    async verify(assertion) {
      const claims = readClaims(assertion);
      if (!claims || claims.iss !== claims.sub || !addresses.isIssuer(claims.aud)) return undefined;
      if (claims.exp - now() / 1000 > LIFETIME_SECONDS_MAX + SKEW_SECONDS) return undefined;
      const client = clients.find(claims.sub);
      if (!client || !(await signedByClient(assertion, client.clientId))) return undefined;
      return useOnce(`${claims.sub} ${claims.jti}`, claims.exp) ? client : undefined;
    },
  };

  async function signedByClient(assertion: string, clientId: string): Promise<boolean> {
    const options = { algorithms, clockTolerance: SKEW_SECONDS, currentDate: new Date(now()) };
    const checks = clients.keysOf(clientId).map((key) => jwtVerify(assertion, key, options));
    return (await Promise.allSettled(checks)).some(({ status }) => status === 'fulfilled');
  }
}

function readClaims(assertion: string): z.infer<typeof claimsSchema> | undefined {
  if (assertion.length > 2048) return undefined;
  try {
    return claimsSchema.safeParse(decodeJwt(assertion)).data;
  } catch {
    return undefined;
  }
}
