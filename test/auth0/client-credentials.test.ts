import { describe, expect, test } from '@jest/globals';
import { exportPKCS8, generateKeyPair, jwtVerify } from 'jose';
import { createClientAuthentication } from '../../src/auth0/token-provider.ts';
import { createManualClock } from '../lib/manual-clock.ts';

const AUDIENCE = 'https://tenant.eu.auth0.com/';

async function createSigner(algorithm: string) {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const clock = createManualClock();
  const authenticate = createClientAuthentication(
    { clock },
    {
      clientId: 'our-client',
      credentials: { kind: 'private_key', pem: await exportPKCS8(privateKey), algorithm },
      assertionAudience: AUDIENCE,
    },
  );
  return { authenticate, publicKey, clock };
}

test('a shared secret is sent as it is', async () => {
  const authenticate = createClientAuthentication(
    { clock: createManualClock() },
    { clientId: 'c', credentials: { kind: 'secret', secret: 's&=' }, assertionAudience: AUDIENCE },
  );
  expect(await authenticate()).toEqual({ client_secret: 's&=' });
});

describe('a signed assertion', () => {
  test.each(['RS256', 'RS384', 'PS256', 'PS384', 'ES256', 'ES384'])(
    'by %s is verified by the public key and names us, the tenant and a minute at most',
    async (algorithm) => {
      const { authenticate, publicKey, clock } = await createSigner(algorithm);
      const { client_assertion_type: type, client_assertion: assertion = '', ...rest } = await authenticate();
      expect([type, rest]).toEqual(['urn:ietf:params:oauth:client-assertion-type:jwt-bearer', {}]);
      const { payload, protectedHeader } = await jwtVerify(assertion, publicKey, {
        algorithms: [algorithm],
        currentDate: new Date(clock.now()),
      });
      const now = Math.floor(clock.now() / 1000);
      expect(protectedHeader).toEqual({ alg: algorithm });
      expect(payload).toEqual({
        iss: 'our-client',
        sub: 'our-client',
        aud: AUDIENCE,
        iat: now,
        exp: now + 60,
        jti: expect.stringMatching(/^[\w-]{16,}$/),
      });
    },
  );

  test('is another one each time', async () => {
    const { authenticate } = await createSigner('ES256');
    const made = await Promise.all(Array.from({ length: 20 }, authenticate));
    const ids = made.map(({ client_assertion: assertion = '' }) =>
      Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(new Set(ids.map((claims) => /"jti":"([^"]+)"/.exec(claims)?.[1])).size).toBe(20);
  });

  test('that cannot be made fails each use, without ending the process and without telling the key', async () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWtleQ==\n-----END PRIVATE KEY-----';
    const authenticate = createClientAuthentication(
      { clock: createManualClock() },
      {
        clientId: 'c',
        credentials: { kind: 'private_key', pem, algorithm: 'RS256' },
        assertionAudience: AUDIENCE,
      },
    );
    const failure: unknown = await authenticate().catch((error: unknown) => error);
    expect(String(failure)).toMatch(/Error/);
    expect(String(failure)).not.toMatch(/c2VjcmV0|secret/);
    expect(String(await authenticate().catch((error: unknown) => error))).toBe(String(failure));
  });
});
