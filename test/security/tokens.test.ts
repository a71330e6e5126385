/** RFC 8725 and RFC 6750, case by case: what must not pass for an access token, however nearly it is one. */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { calculateJwkThumbprint, CompactSign, exportSPKI } from 'jose';
import { expectProblem } from '../support/problem.ts';
import { openScene } from '../support/scene.ts';
import {
  AUDIENCE,
  createSigningKey,
  encodePart,
  goodClaims,
  ISSUER,
  issuerKey,
  mintToken,
} from '../support/tokens.ts';
import { createRefusals } from './refusals.ts';

const scene = await openScene();
const { expectAccepted, expectRefused } = createRefusals(scene);
const attacker = await createSigningKey('key-1');
const publicPem = await exportSPKI(issuerKey.publicKey);
const now = Math.floor(Date.now() / 1000);

const JWKS_ELSEWHERE = `${ISSUER}LEAK/jwks.json`;
const good = await mintToken();
const [goodHeader = '', goodPayload = '', goodSignature = ''] = good.split('.');

function hmacToken(alg: string, secret: string): string {
  const input = `${encodePart({ alg, kid: issuerKey.kid, typ: 'JWT' })}.${goodPayload}`;
  const hash = `sha${alg.slice(2)}`;
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`;
}

async function signedText(text: string): Promise<string> {
  const header = { alg: 'RS256', kid: issuerKey.kid, typ: 'JWT' };
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader(header)
    .sign(issuerKey.privateKey);
}

const foreign = await mintToken({ key: attacker });
const huge = await mintToken({ claims: { filler: 'x'.repeat(9000) } });
const thumbprint = await calculateJwkThumbprint(attacker.jwk);
const notJson = await signedText('LEAK');
const aList = await signedText('[]');
const aNull = await signedText('null');

describe('a good token is accepted', () => {
  test.each([
    ['as it is', {}, {}],
    ['with typ at+jwt', {}, { typ: 'at+jwt' }],
    ['with typ application/at+JWT', {}, { typ: 'application/at+JWT' }],
    ['without typ', {}, { typ: undefined }],
    ['with aud as text', { aud: AUDIENCE }, {}],
    ['with a nbf that has come', { nbf: now - 60 }, {}],
    ['without azp', { azp: undefined }, {}],
  ])('%s', async (_name, claims, header) => {
    await expectAccepted(`Bearer ${await mintToken({ claims: { sub: 'auth0|user-1', ...claims }, header })}`);
    expect(scene.managementCalls()).toBe(1);
  });
});

describe('claims', () => {
  const CASES: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>]> = [
    ['an issuer without its slash', { iss: ISSUER.slice(0, -1) }],
    ['an issuer in other case', { iss: ISSUER.toUpperCase() }],
    ['an issuer with a suffix', { iss: `${ISSUER}x/` }],
    ['an issuer of a longer host', { iss: 'https://tenant.example.auth0.com.evil.example/' }],
    ['an issuer by http', { iss: ISSUER.replace('https', 'http') }],
    ['an issuer in a list', { iss: [ISSUER] }],
    ['no issuer', { iss: undefined }],
    ['an audience with a slash more', { aud: `${AUDIENCE}/` }],
    ['an audience that is a prefix', { aud: AUDIENCE.slice(0, -1) }],
    ['an audience in other case', { aud: AUDIENCE.toUpperCase() }],
    ['audiences of others', { aud: [`${ISSUER}userinfo`, `${AUDIENCE}.evil.example`] }],
    ['an audience that contains ours', { aud: `${AUDIENCE} https://other.example.com` }],
    ['an audience in a list in a list', { aud: [[AUDIENCE]] }],
    ['an audience as an object', { aud: { [AUDIENCE]: true } }],
    ['no audience', { aud: undefined }],
    ['an empty audience', { aud: [] }],
    ['an id token, made for the application', { aud: 'the-application', nonce: 'n' }],
    ['an end in the past', { exp: now - 60 }],
    ['an end as text', { exp: String(now + 3600) }],
    ['an end that is null', { exp: null }],
    ['an end that is true', { exp: true }],
    ['no end', { exp: undefined }],
    ['a beginning in the future', { nbf: now + 600 }],
    ['a beginning as text', { nbf: 'now' }],
    ['a time of issue as text', { iat: 'now' }],
    ['a binding to a key, sent as a bearer token', { cnf: { jkt: thumbprint } }],
    ['a binding to a certificate', { cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' } }],
    ['a binding to both', { cnf: { jkt: 'x', 'x5t#S256': 'y' } }],
    ['a binding of a kind unknown', { cnf: { jwk: attacker.jwk } }],
    ['a binding that is text', { cnf: 'LEAK' }],
    ['a binding that is empty', { cnf: {} }],
    ['an actor that is text', { act: 'LEAK' }],
    ['an actor without a sub', { act: { client_id: 'LEAK' } }],
    ['an actor with an actor that is null', { act: { sub: 'LEAK', act: null } }],
  ];

  test.each(CASES)('%s: refused', async (_name, claims) => {
    await expectRefused(`Bearer ${await mintToken({ claims })}`);
    expect(scene.managementCalls()).toBe(0);
  });
});

describe('header parameters', () => {
  const CASES: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>]> = [
    ['a key of its own (jwk)', { jwk: attacker.jwk }],
    ['a key of its own without kid', { jwk: attacker.jwk, kid: undefined }],
    ['a key set elsewhere (jku)', { jku: JWKS_ELSEWHERE }],
    ['a certificate elsewhere (x5u)', { x5u: JWKS_ELSEWHERE, kid: 'LEAK-kid' }],
    ['a certificate of its own (x5c)', { x5c: [Buffer.from('LEAK').toString('base64')] }],
    ['a kid that is a path', { kid: '../../../../dev/null' }],
    ['a kid that is SQL', { kid: "key-1' UNION SELECT 'LEAK' --" }],
    ['a kid that is a prototype', { kid: '__proto__' }],
    ['a kid of 4 KB', { kid: 'LEAK'.repeat(1000) }],
  ];

  test.each(CASES)('%s does not lend trust to another key', async (_name, header) => {
    await expectRefused(`Bearer ${await mintToken({ header, key: attacker })}`);
    expect(scene.managementCalls()).toBe(0);
  });

  const UNFIT: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>]> = [
    ['a kid that is a number', { kid: 1 }],
    ['a kid that is a list', { kid: [issuerKey.kid] }],
    ['an unknown critical parameter', { crit: ['LEAK'], LEAK: true }],
    ['a critical parameter that is not critical', { crit: ['exp'], exp: now + 60 }],
    ['typ dpop+jwt', { typ: 'dpop+jwt' }],
    ['typ logout+jwt', { typ: 'logout+jwt' }],
    ['typ secevent+jwt', { typ: 'secevent+jwt' }],
    ['typ of an id token', { typ: 'id_token+jwt' }],
    ['typ JOSE', { typ: 'JOSE' }],
    ['typ that is a list', { typ: ['JWT'] }],
  ];

  test.each(UNFIT)('%s: refused although the signature is right', async (_name, header) => {
    await expectRefused(`Bearer ${await mintToken({ header })}`);
    expect(scene.managementCalls()).toBe(0);
  });
});

describe('algorithms and forms', () => {
  const CASES: ReadonlyArray<readonly [string, string]> = [
    ['alg none', `${encodePart({ alg: 'none', typ: 'JWT' })}.${goodPayload}.`],
    [
      'alg none with a signature',
      `${encodePart({ alg: 'none', kid: 'key-1' })}.${goodPayload}.${goodSignature}`,
    ],
    ['alg NoNe', `${encodePart({ alg: 'NoNe' })}.${goodPayload}.`],
    ['no alg', `${encodePart({ kid: 'key-1' })}.${goodPayload}.${goodSignature}`],
    ['alg as a list', `${encodePart({ alg: ['RS256'] })}.${goodPayload}.${goodSignature}`],
    ['HS256 with the public key as the secret', hmacToken('HS256', publicPem)],
    ['HS256 with the JWK as the secret', hmacToken('HS256', JSON.stringify(issuerKey.jwk))],
    ['HS256 with the audience as the secret', hmacToken('HS256', AUDIENCE)],
    ['HS512 with an empty secret', hmacToken('HS512', '')],
    [
      'PS256 over an RS256 key',
      `${encodePart({ alg: 'PS256', kid: 'key-1' })}.${goodPayload}.${goodSignature}`,
    ],
    ['another key', foreign],
    [
      'another payload',
      `${goodHeader}.${encodePart({ ...goodClaims(), sub: 'auth0|admin' })}.${goodSignature}`,
    ],
    ['a signature cut short', good.slice(0, -20)],
    ['no signature', `${goodHeader}.${goodPayload}.`],
    ['two parts', `${goodHeader}.${goodPayload}`],
    ['one part', goodHeader],
    ['four parts', `${good}.${goodSignature}`],
    ['five parts, as encrypted tokens have', `${good}.${goodSignature}.${goodSignature}`],
    ['padding', `${good}==`],
    ['a header that is not base64url', `!!!.${goodPayload}.${goodSignature}`],
    [
      'a header that is not JSON',
      `${Buffer.from('LEAK').toString('base64url')}.${goodPayload}.${goodSignature}`,
    ],
    ['a header that is null', `${encodePart(null)}.${goodPayload}.${goodSignature}`],
    ['a payload that is not JSON', notJson],
    ['a payload that is a list', aList],
    ['a payload that is null', aNull],
    ['9 KB', huge],
    ['an opaque token', 'LEAK-opaque-token'],
  ];

  test.each(CASES)('%s: refused', async (_name, token) => {
    await expectRefused(`Bearer ${token}`);
    expect(scene.managementCalls()).toBe(0);
  });

  test.each([8193, 9000, 12_000, 15_500])(
    'a token of %i characters is told its length and the limit',
    async (length) => {
      const token = `${good}.${'x'.repeat(length - good.length - 1)}`;
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${scene.service.url}/me/metadata`, { headers });
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
      await expectProblem(response, 401, 'token_invalid', {
        detail: `The access token is ${length} characters long; this service accepts at most 8192.`,
      });
    },
  );

  test('a token of just 8192 characters is accepted', async () => {
    const filler = Math.floor(((8192 - good.length) * 3) / 4);
    const tokens = await Promise.all(
      Array.from({ length: 40 }, (_, less) =>
        mintToken({ claims: { sub: 'auth0|user-1', filler: 'x'.repeat(filler - less) } }),
      ),
    );
    const lengths = tokens.map(({ length }) => length);
    // One length of four cannot be had in base64url.
    const longest = Math.max(...lengths.filter((length) => length <= 8192));
    expect([8191, 8192]).toContain(longest);
    await expectAccepted(`Bearer ${tokens[lengths.indexOf(longest)]}`);
  });

  test('a token that has ended costs neither a signature nor a question for its key', async () => {
    const unknown = await createSigningKey('a-key-never-heard-of');
    const askedFor = async (exp: number) => {
      scene.service.clock.advance(60);
      const asked = scene.tenant.countOf('jwks');
      await expectRefused(`Bearer ${await mintToken({ claims: { exp }, key: unknown })}`);
      return scene.tenant.countOf('jwks') - asked;
    };
    expect(await askedFor(now + 3600)).toBe(1);
    expect(await askedFor(now - 6)).toBe(0);
  });

  test.each(['RS384', 'PS256', 'ES256', 'ES512'])('%s is accepted with a key of its own', async (alg) => {
    const key = await createSigningKey(`key-${alg}`, alg);
    scene.tenant.keys = [issuerKey.jwk, key.jwk];
    scene.service.clock.advance(60);
    await expectAccepted(`Bearer ${await mintToken({ claims: { sub: 'auth0|user-1' }, key })}`);
    expect(scene.tenant.countOf('jwks')).toBe(1);
  });
});
