/**
 * `POST /_local/token`: any access token a test may want, right or wrong. Nothing about it has to be consistent;
 * whatever is not overridden is what the tenant would issue.
 */
import { z } from 'zod';
import { accessTokenClaims, accessTokenHeader } from './access-tokens.ts';
import type { Addresses } from './addresses.ts';
import { ControlError } from './control-errors.ts';
import { jsonObject } from './json.ts';
import { parseAlgorithm, signJws } from './jws.ts';
import type { SigningKeys } from './signing-keys.ts';

export const tokenOrder = z.strictObject({
  sub: z.string(),
  scope: z.string().optional(),
  audience: z.union([z.string(), z.array(z.string())]).optional(),
  client_id: z.string().optional(),
  expires_in: z.int().optional(),
  claims: jsonObject.optional(),
  header: jsonObject.optional(),
});

/** The ordered token. Throws a `ControlError` for a signature algorithm that cannot be had. */
export function mintToken(
  order: z.infer<typeof tokenOrder>,
  keys: SigningKeys,
  addresses: Addresses,
  now: number,
): string {
  const key = keys.current();
  const claims = accessTokenClaims(
    addresses,
    {
      sub: order.sub,
      audience: order.audience ?? addresses.apiAudience,
      clientId: order.client_id ?? 'local-spa',
      ...(order.scope === undefined ? {} : { scope: order.scope }),
      ...(order.expires_in === undefined ? {} : { lifetimeSeconds: order.expires_in }),
    },
    now,
  );
  const header = overridden(accessTokenHeader(key), order.header ?? {});
  const { alg = 'RS256' } = header;
  const algorithm = typeof alg === 'string' ? parseAlgorithm(alg) : undefined;
  if (algorithm === undefined) {
    throw new ControlError(400, 'invalid_request', 'header.alg: not an algorithm this tenant can sign with');
  }
  return signJws(header, overridden(claims, order.claims ?? {}), algorithm, key);
}

// null leaves a member out; an explicit null claim cannot be ordered.
function overridden(
  base: Readonly<Record<string, unknown>>,
  changes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...base, ...changes }).filter(([, value]) => value !== null));
}
