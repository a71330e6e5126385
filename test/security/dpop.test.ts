/** Sender-constrained tokens (RFC 9449): a proof must be made with the token's key, for this very request. */
import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { createDevice, type ProofChanges, requireDpop } from '../support/dpop.ts';
import { expectProblem } from '../support/problem.ts';
import { openScene } from '../support/scene.ts';
import { createSigningKey, mintToken } from '../support/tokens.ts';

const { service, tenant, managementCalls, startAnother } = await openScene();
const behindProxy = await openScene({ env: { TRUSTED_PROXIES: 'loopback' } });
const boundOnly = await openScene({ env: await requireDpop() });
const device = await createDevice();
const { token } = device;
const unbound = await mintToken();
const thief = await createSigningKey('thief', 'ES256');
const now = Math.floor(Date.now() / 1000);

function proof(changes?: ProofChanges): Promise<string> {
  return device.proof(`${service.url}/me/metadata`, changes);
}

interface Ask {
  readonly path?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask(dpop: string, { path = '/me/metadata', url = service.url, headers = {} }: Ask = {}) {
  tenant.user('auth0|user-1', { a: 1 });
  return fetch(`${url}${path}`, { headers: { authorization: `DPoP ${token}`, dpop, ...headers } });
}

describe('a token bound to a key', () => {
  test('is accepted with a proof for this request', async () => {
    const response = await ask(await proof());
    expect([response.status, await response.json()]).toEqual([200, { a: 1 }]);
  });

  test('is accepted when the request has a query, which a proof leaves out', async () => {
    expect((await ask(await proof(), { path: '/me/metadata?fields=a' })).status).toBe(200);
  });

  const UNFIT: ReadonlyArray<readonly [string, ProofChanges]> = [
    ['another method', { claims: { htm: 'PATCH' } }],
    ['another address', { claims: { htu: `${service.url}/me/metadata/a` } }],
    ['another host', { claims: { htu: 'https://evil.example/me/metadata' } }],
    ['another token', { claims: { ath: createHash('sha256').update('other').digest('base64url') } }],
    ['no token', { claims: { ath: undefined } }],
    ['been made two minutes ago', { claims: { iat: now - 120 } }],
    ['been made for in a minute', { claims: { iat: now + 60 } }],
    ['no time', { claims: { iat: undefined } }],
    ['no number of its own', { claims: { jti: undefined } }],
    ['a number of its own that is no text', { claims: { jti: 7 } }],
    ['a signature of another key', { key: thief }],
    ['another type', { header: { typ: 'JWT' } }],
    ['a private key in it', { header: { jwk: { ...device.key.jwk, d: 'LEAK' } } }],
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

  test('is accepted with a proof from a clock that is half a minute wrong', async () => {
    const early = await ask(await proof({ claims: { iat: Math.floor(Date.now() / 1000) - 80 } }));
    const late = await ask(await proof({ claims: { iat: Math.floor(Date.now() / 1000) + 20 } }));
    expect([early.status, late.status]).toEqual([200, 200]);
  });

  test('is refused with two proofs', async () => {
    await expectProblem(await ask(`${await proof()}, ${await proof()}`), 401, 'dpop_proof_invalid');
    expect(managementCalls()).toBe(0);
  });
});

describe('a proof', () => {
  test('is good once', async () => {
    const used = await proof();
    expect((await ask(used)).status).toBe(200);
    await expectProblem(await ask(used), 401, 'dpop_proof_invalid');
    expect((await ask(await proof())).status).toBe(200);
    expect(service.logLines.join('\n')).not.toContain(used.slice(-40));
  });

  test('is good for one of those who use it at the same time', async () => {
    const used = await proof();
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(used)));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, 401, 401, 401, 401, 401, 401, 401]);
  });

  test('is refused when signed anew with the same number', async () => {
    const jti = randomUUID();
    expect((await ask(await proof({ claims: { jti } }))).status).toBe(200);
    const again = await proof({ claims: { jti, iat: Math.floor(Date.now() / 1000) - 5 } });
    await expectProblem(await ask(again), 401, 'dpop_proof_invalid');
  });

  test('is not used up by a forged one, one for another place, or one of another key with its number', async () => {
    const jti = randomUUID();
    const good = await proof({ claims: { jti } });
    const other = await createDevice({ claims: { sub: 'auth0|another' } });
    tenant.user('auth0|another', {});
    const others = await other.proof(`${service.url}/me/metadata`, { claims: { jti } });
    const authorization = `DPoP ${other.token}`;
    const answers = [
      await ask(await proof({ claims: { jti }, key: thief })),
      await ask(good, { path: '/me' }),
      await fetch(`${service.url}/me/metadata`, { headers: { authorization, dpop: others } }),
      await ask(good),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 200, 200]);
  });
});

describe('a request beyond the limit of its user', () => {
  test('does not use up its proof, which is good once the limit lets it pass', async () => {
    const limited = await startAnother({ env: { USER_READS_PER_MINUTE: '2' } });
    const own = await createDevice({ claims: { sub: 'auth0|limited' } });
    tenant.user('auth0|limited', {});
    const send = (path: string, dpop: string) =>
      fetch(`${limited.url}${path}`, { headers: { authorization: `DPoP ${own.token}`, dpop } });
    for (const _ of [1, 2]) {
      expect((await send('/me', await own.proof(`${limited.url}/me`))).status).toBe(200);
    }
    const proofOfWrite = await own.proof(`${limited.url}/me/metadata`);
    await expectProblem(await send('/me/metadata', proofOfWrite), 429, 'rate_limited');
    // Past the cache it is counted with the writes, of which there are some left.
    const headers = { authorization: `DPoP ${own.token}`, dpop: proofOfWrite, 'cache-control': 'no-cache' };
    expect((await fetch(`${limited.url}/me/metadata`, { headers })).status).toBe(200);
    await expectProblem(await fetch(`${limited.url}/me/metadata`, { headers }), 401, 'dpop_proof_invalid');
  });

  test('is refused before its used proof is looked at', async () => {
    const limited = await startAnother({ env: { USER_READS_PER_MINUTE: '1' } });
    const own = await createDevice({ claims: { sub: 'auth0|limited' } });
    const dpop = await own.proof(`${limited.url}/me`);
    const headers = { authorization: `DPoP ${own.token}`, dpop };
    tenant.user('auth0|limited', {});
    expect((await fetch(`${limited.url}/me`, { headers })).status).toBe(200);
    await expectProblem(await fetch(`${limited.url}/me`, { headers }), 429, 'rate_limited');
  });
});

describe('behind a proxy', () => {
  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'api.example' };
  const outside = 'https://api.example/me/metadata';

  test('that is trusted, a proof is for the address that callers see', async () => {
    const { url } = behindProxy.service;
    expect((await ask(await device.proof(outside), { url, headers: forwarded })).status).toBe(200);
    const inside = await device.proof(`${url}/me/metadata`);
    await expectProblem(await ask(inside, { url, headers: forwarded }), 401, 'dpop_proof_invalid');
  });

  test('that is not trusted, a proof cannot be compared with an address', async () => {
    const stolen = await ask(await device.proof(outside), { headers: forwarded });
    await expectProblem(stolen, 401, 'dpop_proof_invalid');
    expect((await ask(await proof(), { headers: forwarded })).status).toBe(200);
  });

  test('that is trusted, challenges name the address that callers see', async () => {
    const answer = await fetch(`${behindProxy.service.url}/me`, { headers: forwarded });
    expect(answer.headers.get('www-authenticate')).toContain(
      'resource_metadata="https://api.example/.well-known/oauth-protected-resource"',
    );
  });
});

describe('where DPoP is required', () => {
  const { url } = boundOnly.service;
  const ALGORITHMS = 'algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512"';

  async function send(headers: Readonly<Record<string, string>>) {
    const response = await fetch(`${url}/me/metadata`, { headers });
    return { response, challenge: response.headers.get('www-authenticate') ?? '' };
  }

  test('a token with its proof is accepted', async () => {
    expect((await ask(await device.proof(`${url}/me/metadata`), { url })).status).toBe(200);
  });

  test.each([
    ['an unbound', unbound],
    ['a bound', token],
  ])('%s token is refused as a bearer, with a challenge for DPoP alone', async (_name, bearer) => {
    const { response, challenge } = await send({ authorization: `Bearer ${bearer}` });
    expect(challenge).toMatch(
      /^DPoP error="invalid_token", error_description="[^"]+", scope="read:metadata", /,
    );
    expect(challenge).toContain(ALGORITHMS);
    expect(challenge).not.toContain('Bearer realm');
    await expectProblem(response, 401, 'token_invalid');
  });

  test('no token at all is answered with the same challenge, without an error', async () => {
    const { response, challenge } = await send({});
    expect(challenge).toMatch(/^DPoP scope="read:metadata", resource_metadata="/);
    expect(challenge).toContain(ALGORITHMS);
    await expectProblem(response, 401, 'token_missing');
  });

  test('the description of the resource says so', async () => {
    const path = '/.well-known/oauth-protected-resource';
    const [required, optional] = await Promise.all(
      [url, service.url].map(async (base) => (await fetch(`${base}${path}`)).json()),
    );
    expect(required).toMatchObject({
      dpop_bound_access_tokens_required: true,
      bearer_methods_supported: ['header'],
    });
    expect(optional).toMatchObject({ dpop_bound_access_tokens_required: false });
  });
});

test.each([
  ['where it is required', boundOnly.service.url],
  ['where it is not', service.url],
])('a token bound to no key is refused under the DPoP scheme, %s', async (_name, url) => {
  const keyless = await createDevice({ claims: { cnf: undefined } });
  const dpop = await keyless.proof(`${url}/me/metadata`);
  const headers = { authorization: `DPoP ${keyless.token}`, dpop };
  const response = await fetch(`${url}/me/metadata`, { headers });
  expect(response.headers.get('www-authenticate')).toMatch(/^DPoP error="invalid_token"/);
  await expectProblem(response, 401, 'token_invalid');
});
