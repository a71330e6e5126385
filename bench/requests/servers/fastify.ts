/**
 * For context: another framework, and a verifier that remembers the tokens it has seen. No metrics, no security
 * header fields; a log line for each request.
 */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { createVerifier } from 'fast-jwt';
import { fastify } from 'fastify';
import { LRUCache } from 'lru-cache';
import { AUDIENCE, CACHE_TTL_MS, HOST, ISSUER, PORT, TENANT_URL } from './settings.ts';
import { readMetadata } from './upstream.ts';

async function publicKey(): Promise<string> {
  const response = await fetch(`${TENANT_URL}/.well-known/jwks.json`);
  const jwks: { readonly keys: readonly JsonWebKey[] } = JSON.parse(await response.text());
  const [key] = jwks.keys;
  if (!key) throw new Error('the tenant has no key');
  return createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
}

interface Claims {
  readonly sub: string;
  readonly scope: string;
}

const verify: (token: string) => Claims = createVerifier({
  key: await publicKey(),
  algorithms: ['RS256'],
  allowedIss: ISSUER,
  allowedAud: AUDIENCE,
  cache: 100_000,
});
const profiles = new LRUCache<string, object>({ max: 100_000, ttl: CACHE_TTL_MS });

const app = fastify({ logger: true });
app.get('/me/metadata', async (request, reply) => {
  let claims: Claims;
  try {
    claims = verify(request.headers.authorization?.replace(/^Bearer /i, '') ?? '');
  } catch {
    return reply.code(401).send({ error: 'invalid_token' });
  }
  if (!claims.scope.split(' ').includes('read:metadata')) return reply.code(403).send({ error: 'scope' });
  const known = profiles.get(claims.sub);
  const metadata = known ?? (await readMetadata(claims.sub));
  if (!known) profiles.set(claims.sub, metadata);
  return metadata;
});
await app.listen({ port: PORT, host: HOST });
