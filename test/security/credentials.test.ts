/** Where a token may stand in a request, and what an answer says of the one that is wanted. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { exchangeBytes, sendRaw } from '../support/raw-http.ts';
import { openHttpsScene } from '../support/scene.ts';
import { startService } from '../support/service.ts';
import { ISSUER, mintToken } from '../support/tokens.ts';
import { createRefusals } from './refusals.ts';

const scene = await openHttpsScene();
const { service, managementCalls } = scene;
const { expectAccepted, expectRefusedAs } = createRefusals(scene);
const token = await mintToken();
const METADATA = `resource_metadata="${service.url}/.well-known/oauth-protected-resource"`;

describe('the token', () => {
  test.each(['Bearer', 'bearer', 'BEARER'])(
    'is taken from the Authorization header with the scheme %s',
    async (scheme) => {
      await expectAccepted(`${scheme} ${token}`);
      expect(managementCalls()).toBe(1);
    },
  );

  test.each([2, 3, 40])('may stand %i spaces behind the scheme', async (spaces) => {
    const gap = ' '.repeat(spaces);
    await expectAccepted(`Bearer${gap}${token}`);
    await expectAccepted(`bEARER${gap}${token} `);
    expect(managementCalls()).toBe(2);
  });

  test.each([
    ['a tab behind the scheme', `Bearer\t${token}`, 'token_missing'],
    ['a space and a tab behind the scheme', `Bearer \t${token}`, 'token_invalid'],
    ['spaces and no token', 'Bearer   ', 'token_missing'],
    ['spaces within the token', `Bearer  ${token.replace('.', '. ')}`, 'token_invalid'],
  ])('is refused with %s', async (_name, authorization, code) => {
    await expectRefusedAs(401, code, { authorization });
    expect(managementCalls()).toBe(0);
  });

  const ELSEWHERE: ReadonlyArray<readonly [string, Readonly<Record<string, string>>, string]> = [
    ['a cookie', { cookie: `access_token=${token}` }, ''],
    ['another field', { 'x-access-token': token, 'x-forwarded-access-token': token }, ''],
    ['Proxy-Authorization', { 'proxy-authorization': `Bearer ${token}` }, ''],
    ['the query', {}, `?access_token=${token}`],
    ['a Basic password', { authorization: `Basic ${Buffer.from(`x:${token}`).toString('base64')}` }, ''],
    ['another scheme', { authorization: `Token ${token}` }, ''],
    ['no scheme', { authorization: token }, ''],
    ['a scheme without a space', { authorization: `Bearer${token}` }, ''],
    ['nothing after the scheme', { authorization: 'Bearer' }, ''],
    ['an empty field', { authorization: '' }, ''],
  ];

  test.each(ELSEWHERE)('is not taken from %s', async (_name, headers, query) => {
    const challenge = await expectRefusedAs(401, 'token_missing', headers, `/me/metadata${query}`);
    expect(challenge).toMatch(/^Bearer realm="metadata-bff", scope="read:metadata", /);
    expect(challenge).not.toContain('error');
    expect(managementCalls()).toBe(0);
  });

  test('is not taken from a form', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = `access_token=${token}`;
    const response = await fetch(`${service.url}/me/metadata`, { method: 'PATCH', headers, body });
    await expectProblem(response, 401, 'token_missing');
    expect(managementCalls()).toBe(0);
  });

  test('is refused when it is sent twice, in the header and in the query', async () => {
    const headers = { authorization: `Bearer ${token}` };
    const path = `/me/metadata?access_token=${token}`;
    const challenge = await expectRefusedAs(400, 'request_malformed', headers, path);
    expect(challenge).toMatch(/^Bearer realm="metadata-bff", error="invalid_request", error_description="/);
    expect(challenge).toContain(`scope="read:metadata", ${METADATA}, DPoP algs="`);
    expect(managementCalls()).toBe(0);
  });

  test.each([
    ['two tokens', `Bearer ${token} ${token}`],
    ['a list of tokens', `Bearer ${token}, Bearer ${token}`],
    ['a comma', `Bearer ${token},`],
    ['quotes', `Bearer "${token}"`],
  ])('is refused with %s', async (_name, authorization) => {
    await expectRefusedAs(401, 'token_invalid', { authorization });
    expect(managementCalls()).toBe(0);
  });

  test('a second Authorization header never stands in for a bad first one', async () => {
    const fields = `Host: x\r\nAuthorization: Bearer LEAK\r\nAuthorization: Bearer ${token}\r\nConnection: close`;
    const response = await exchangeBytes(service.port, `GET /me/metadata HTTP/1.1\r\n${fields}\r\n\r\n`);
    await expectProblem(response, 400, 'request_malformed');
    expect(managementCalls()).toBe(0);
  });

  test('a bearer token is refused when a DPoP proof comes with it', async () => {
    const headers = {
      authorization: `Bearer ${token}`,
      dpop: await mintToken({ header: { typ: 'dpop+jwt' } }),
    };
    const challenge = await expectRefusedAs(401, 'dpop_proof_invalid', headers);
    expect(challenge).toMatch(/^Bearer realm="metadata-bff", error="invalid_token", error_description="/);
    expect(managementCalls()).toBe(0);
  });

  test('of a bearer keeps its own challenge when a DPoP header comes with it', async () => {
    const headers = { authorization: 'Bearer a.b.c', dpop: 'LEAK' };
    const challenge = await expectRefusedAs(401, 'token_invalid', headers);
    expect(challenge).toMatch(/^Bearer realm="metadata-bff", error="invalid_token", .*, DPoP algs="[^"]+"$/);
  });

  test.each(['DPoP', 'dpop'])(
    'that is missing behind the scheme %s is asked for in that scheme',
    async (scheme) => {
      const challenge = await expectRefusedAs(401, 'token_missing', { authorization: scheme });
      expect(challenge).toMatch(/^DPoP scope="read:metadata", .*algs="[^"]+", Bearer realm="metadata-bff"$/);
    },
  );

  test('has no part in a request that is malformed elsewhere, which gets no challenge', async () => {
    const headers = { authorization: `Bearer ${token}` };
    const challenge = await expectRefusedAs(400, 'request_malformed', headers, '/me/metadata/%zz');
    expect(challenge).toBeNull();
  });

  test.each([
    ['no proof', {}],
    ['a proof that is nonsense', { dpop: 'LEAK' }],
    ['a proof that is the token', { dpop: token }],
  ])('a DPoP token is refused with %s', async (_name, proof) => {
    const bound = await mintToken({ claims: { cnf: { jkt: 'x'.repeat(43) } } });
    const challenge = await expectRefusedAs(401, 'dpop_proof_invalid', {
      authorization: `DPoP ${bound}`,
      ...proof,
    });
    expect(challenge).toMatch(
      /^DPoP error="invalid_dpop_proof", error_description="[^"]+", .*algs="RS256 [^"]*ES256/,
    );
    expect(managementCalls()).toBe(0);
  });
});

describe('the challenge', () => {
  test('names the scope, the description of the resource and both schemes', async () => {
    const challenge = await expectRefusedAs(401, 'token_missing', {});
    const [bearer = '', dpop = ''] = (challenge ?? '').split(', DPoP ');
    expect(bearer).toBe(`Bearer realm="metadata-bff", scope="read:metadata", ${METADATA}`);
    expect(dpop).toMatch(/^algs="[A-Z0-9 ]+"$/);
  });

  test('of a write names the scope of a write', async () => {
    const response = await fetch(`${service.url}/me/metadata`, { method: 'DELETE' });
    expect(response.headers.get('www-authenticate')).toContain('scope="update:metadata"');
  });

  test('of a missing scope says so with 403', async () => {
    const narrow = await mintToken({ claims: { scope: 'openid' } });
    const challenge = await expectRefusedAs(403, 'scope_missing', { authorization: `Bearer ${narrow}` });
    expect(challenge).toMatch(/^Bearer realm="metadata-bff", error="insufficient_scope", /);
    expect(challenge).toContain(`scope="read:metadata", ${METADATA}`);
  });

  test('of an expired token says that it has expired', async () => {
    const expired = await mintToken({ claims: { exp: 1_700_000_000 } });
    const challenge = await expectRefusedAs(401, 'token_invalid', { authorization: `Bearer ${expired}` });
    expect(challenge).toContain('error_description="The access token has expired."');
  });

  test('does not believe X-Forwarded-Host of just any client', async () => {
    const challenge = await expectRefusedAs(401, 'token_missing', {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
    });
    expect(challenge).toContain(METADATA);
  });

  test.each(['evil"quote', 'evil.example/path', 'a, DPoP algs='])(
    'cannot be broken by the host %s',
    async (host) => {
      const response = await sendRaw(service.port, { path: '/me/metadata', headers: { host } });
      expect(response.headers.get('www-authenticate') ?? '').not.toContain('evil');
      expect(response.status).toBeGreaterThanOrEqual(400);
    },
  );
});

async function statusAt(url: string): Promise<number> {
  scene.tenant.user('auth0|user-1', { a: 1 });
  const headers = { authorization: `Bearer ${await mintToken()}` };
  return (await fetch(`${url}/me/metadata`, { headers })).status;
}

describe('the configuration', () => {
  const STRAY = {
    SECRET: 'LEAK-stray-secret-of-something-else',
    ISSUER: 'https://evil.example/',
    ISSUER_BASE_URL: 'https://evil.example',
    JWKS_URI: 'https://evil.example/jwks.json',
    TOKEN_SIGNING_ALG: 'HS256',
    AUDIENCE: 'https://evil.example',
  };

  afterEach(() => {
    for (const name of Object.keys(STRAY)) Reflect.deleteProperty(process.env, name);
  });

  test('counts alone, whatever else is in the environment of the process', async () => {
    Object.assign(process.env, STRAY);
    const { url } = await startService();
    expect(await statusAt(url)).toBe(200);
  });

  test('makes discovery needless by a JWKS_URI', async () => {
    const { url } = await startService({ env: { JWKS_URI: `${ISSUER}.well-known/jwks.json` } });
    expect(await statusAt(url)).toBe(200);
    expect(scene.tenant.countOf('discovery')).toBe(0);
  });
});
