/** Sender-constrained tokens (RFC 9449): a proof must be made with the token's key, for this very request. */
import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { calculateJwkThumbprint, SignJWT } from 'jose';
import { expectProblem } from '../support/problem.ts';
import { openScene } from '../support/scene.ts';
import { createSigningKey, mintToken } from '../support/tokens.ts';

const { service, tenant, managementCalls } = await openScene();
const device = await createSigningKey('device', 'ES256');
const thief = await createSigningKey('thief', 'ES256');
const token = await mintToken({ claims: { cnf: { jkt: await calculateJwkThumbprint(device.jwk) } } });
const now = Math.floor(Date.now() / 1000);

interface ProofChanges {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: typeof device;
}

async function proof({ claims = {}, header = {}, key = device }: ProofChanges = {}): Promise<string> {
  const usual = {
    htm: 'GET',
    htu: `${service.url}/me/metadata`,
    iat: Math.floor(Date.now() / 1000),
    jti: randomUUID(),
    ath: createHash('sha256').update(token).digest('base64url'),
  };
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: device.jwk, ...header })
    .sign(key.privateKey);
}

async function ask(dpop: string, path = '/me/metadata'): Promise<Response> {
  tenant.user('auth0|somebody', { a: 1 });
  return fetch(`${service.url}${path}`, { headers: { authorization: `DPoP ${token}`, dpop } });
}

describe('a token bound to a key', () => {
  test('is accepted with a proof for this request', async () => {
    const response = await ask(await proof());
    expect([response.status, await response.json()]).toEqual([200, { a: 1 }]);
  });

  test('is accepted when the request has a query, which a proof leaves out', async () => {
    expect((await ask(await proof(), '/me/metadata?fields=a')).status).toBe(200);
  });

  const UNFIT: ReadonlyArray<readonly [string, ProofChanges]> = [
    ['another method', { claims: { htm: 'PATCH' } }],
    ['another address', { claims: { htu: `${service.url}/me/metadata/a` } }],
    ['another host', { claims: { htu: 'https://evil.example/me/metadata' } }],
    ['another token', { claims: { ath: createHash('sha256').update('other').digest('base64url') } }],
    ['no token', { claims: { ath: undefined } }],
    ['yesterday', { claims: { iat: now - 86_400 } }],
    ['tomorrow', { claims: { iat: now + 86_400 } }],
    ['no time', { claims: { iat: undefined } }],
    ['no number of its own', { claims: { jti: undefined } }],
    ['a signature of another key', { key: thief }],
    ['another type', { header: { typ: 'JWT' } }],
    ['a private key in it', { header: { jwk: { ...device.jwk, d: 'LEAK' } } }],
    ['no key in it', { header: { jwk: undefined } }],
  ];

  test.each(UNFIT)('is refused when the proof has %s', async (_name, changes) => {
    await expectProblem(await ask(await proof(changes)), 401, 'dpop_proof_invalid');
    expect(managementCalls()).toBe(0);
  });

  test('is refused with a good proof of another key', async () => {
    const response = await ask(await proof({ key: thief, header: { jwk: thief.jwk } }));
    expect(response.status).toBe(401);
    expect(managementCalls()).toBe(0);
  });

  test('is refused with two proofs', async () => {
    await expectProblem(await ask(`${await proof()}, ${await proof()}`), 401, 'dpop_proof_invalid');
    expect(managementCalls()).toBe(0);
  });
});
