/** The issuer's keys: an outage is told apart from a bad token, and no caller can make this service flood it. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openHttpsScene } from '../support/scene.ts';
import { type ServiceOptions, startService, type TestService } from '../support/service.ts';
import type { TenantAnswer } from '../support/tenant.ts';
import type { Route } from '../support/tenant-rules.ts';
import { createSigningKey, ISSUER, issuerKey, mintToken, type SigningKey } from '../support/tokens.ts';
import { until } from '../support/until.ts';

const { tenant } = await openHttpsScene();
const nextKey = await createSigningKey('key-2');
const HOUR = 3600;

async function start(options: ServiceOptions = {}): Promise<TestService> {
  const service = await startService(options);
  if (options.awaitReady !== false) tenant.heal();
  return service;
}

async function ask(service: TestService, key: SigningKey = issuerKey, kid = key.kid): Promise<Response> {
  tenant.user('auth0|user-1', { a: 1 });
  const token = await mintToken({ key, header: { kid } });
  return fetch(`${service.url}/me/metadata`, { headers: { authorization: `Bearer ${token}` } });
}

async function expectOutage(response: Response): Promise<void> {
  expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d?$/);
  expect(response.headers.get('www-authenticate')).toBeNull();
  await expectProblem(response, 503, 'keys_unavailable');
}

beforeEach(() => {
  tenant.keys = [issuerKey.jwk];
});

describe('a kid that is not known', () => {
  test('is looked for at the issuer, so that a new key works at once', async () => {
    const service = await start();
    tenant.keys = [issuerKey.jwk, nextKey.jwk];
    expect((await ask(service, nextKey)).status).toBe(200);
    expect((await ask(service)).status).toBe(200);
    expect(tenant.countOf('jwks')).toBe(1);
  });

  test('does not verify any more once the issuer has dropped it', async () => {
    const service = await start();
    tenant.keys = [nextKey.jwk];
    expect((await ask(service, nextKey)).status).toBe(200);
    await expectProblem(await ask(service), 401, 'token_invalid');
  });

  test.each(['at once', 'one after another'])('cannot flood the issuer, 50 of them %s', async (how) => {
    const service = await start();
    const refused: number[] = [];
    const send = async (n: number) => {
      refused.push((await ask(service, issuerKey, `unknown-${n}`)).status);
    };
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    if (how === 'at once') await Promise.all(numbers.map(send));
    else await numbers.reduce((before, n) => before.then(() => send(n)), Promise.resolve());
    expect(refused).toEqual(numbers.map(() => 401));
    expect(tenant.countOf('jwks')).toBeGreaterThanOrEqual(1);
    expect(tenant.countOf('jwks')).toBeLessThanOrEqual(5);
    expect(tenant.countOf('discovery')).toBeLessThanOrEqual(5);
    expect((await ask(service)).status).toBe(200);
  });

  test('is looked for again after a while', async () => {
    const service = await start();
    await Array.from({ length: 8 }, (_, n) => n).reduce(
      (before, n) => before.then(async () => void (await ask(service, issuerKey, `unknown-${n}`))),
      Promise.resolve(),
    );
    tenant.keys = [issuerKey.jwk, nextKey.jwk];
    await expectProblem(await ask(service, nextKey), 401, 'token_invalid');
    service.clock.advance(15);
    expect((await ask(service, nextKey)).status).toBe(200);
  });
});

describe('an outage with keys at hand', () => {
  const OUTAGES: ReadonlyArray<readonly [string, Route, TenantAnswer]> = [
    ['discovery fails', 'discovery', { status: 500 }],
    ['the key set fails', 'jwks', { status: 503 }],
    ['the key set is empty', 'jwks', { status: 200, body: { keys: [] } }],
    ['the key set is HTML', 'jwks', { status: 200, body: '<html>' }],
  ];

  test.each(OUTAGES)('goes unnoticed when %s, for hours and not for ever', async (_name, route, answer) => {
    const service = await start();
    tenant.answerWith(route, answer);
    service.clock.advance(HOUR);
    expect((await ask(service)).status).toBe(200);
    await until(() => (tenant.countOf(route) > 0 ? true : undefined));
    service.clock.advance(2 * HOUR);
    expect((await ask(service)).status).toBe(200);
    service.clock.advance(2 * HOUR);
    await expectOutage(await ask(service));
    tenant.heal();
    service.clock.advance(5);
    expect((await ask(service)).status).toBe(200);
  });

  test('is an outage, not a bad token, to one whose key is not at hand', async () => {
    const service = await start();
    tenant.answerWith('jwks', { status: 500 });
    await expectOutage(await ask(service, nextKey));
    await expectOutage(await ask(service, nextKey));
    expect((await ask(service)).status).toBe(200);
    expect(tenant.countOf('jwks')).toBe(1);
  });
});

describe('the time of day', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  test.each([
    ['forward', 5 * HOUR],
    ['back', -5 * HOUR],
  ])('that is set %s makes no key older or younger', async (_how, seconds) => {
    const service = await start({ ownClocks: true });
    tenant.answerWith('jwks', { status: 500 });
    const before = Date.now();
    const token = await mintToken({ claims: { exp: Math.floor(before / 1000) + 24 * HOUR, iat: undefined } });
    jest.spyOn(Date, 'now').mockImplementation(() => before + seconds * 1000);
    const headers = { authorization: `Bearer ${token}` };
    // The first that is asked of a caller who is known, and nothing for which the tenant is needed.
    const response = await fetch(`${service.url}/me/metadata`, { method: 'PUT', headers });
    await expectProblem(response, 400, 'body_required');
    const metrics = await (await fetch(`${service.opsUrl}/metrics`)).text();
    expect(metrics).toContain('metadata_bff_jwks_state{state="fresh"} 1');
  });
});

describe('an outage without any keys', () => {
  const evil = { issuer: 'https://evil.example/', jwks_uri: `${ISSUER}.well-known/jwks.json` };
  const OUTAGES: ReadonlyArray<readonly [string, Route, TenantAnswer]> = [
    ['discovery fails', 'discovery', { status: 500, body: { message: 'LEAK' } }],
    ['discovery is not found', 'discovery', { status: 404, body: 'LEAK' }],
    ['discovery redirects', 'discovery', { status: 302, headers: { location: `${ISSUER}LEAK` } }],
    ['discovery is HTML', 'discovery', { status: 200, body: '<html>LEAK' }],
    ['discovery names another issuer', 'discovery', { status: 200, body: evil }],
    ['discovery names no key set', 'discovery', { status: 200, body: { issuer: ISSUER } }],
    [
      'discovery names a key set by http',
      'discovery',
      { status: 200, body: { issuer: ISSUER, jwks_uri: 'http://tenant.example.auth0.com/LEAK' } },
    ],
    [
      'discovery names a key set with credentials',
      'discovery',
      { status: 200, body: { issuer: ISSUER, jwks_uri: 'https://a:LEAK@tenant.example.auth0.com/jwks' } },
    ],
    [
      'discovery names a file',
      'discovery',
      { status: 200, body: { issuer: ISSUER, jwks_uri: 'file:///LEAK' } },
    ],
    ['the key set fails', 'jwks', { status: 500, body: 'LEAK' }],
    ['the key set is rate limited', 'jwks', { status: 429, body: 'LEAK' }],
    ['the key set is HTML', 'jwks', { status: 200, body: '<html>LEAK' }],
    ['the key set is nothing', 'jwks', { status: 200, body: '' }],
    ['the key set is another object', 'jwks', { status: 200, body: { LEAK: [] } }],
    ['the key set is empty', 'jwks', { status: 200, body: { keys: [] } }],
    [
      'the key set holds secrets only',
      'jwks',
      { status: 200, body: { keys: [{ kty: 'oct', k: 'TEVBSw', kid: 'key-1' }] } },
    ],
    [
      'the keys are for encryption',
      'jwks',
      { status: 200, body: { keys: [{ ...issuerKey.jwk, use: 'enc' }] } },
    ],
  ];

  test.each(OUTAGES)(
    'is 503 with Retry-After, never 401, when %s, and heals',
    async (_name, route, answer) => {
      tenant.answerWith(route, answer);
      const service = await start({ awaitReady: false });
      await expectOutage(await ask(service));
      await expectOutage(await ask(service));
      expect((await fetch(`${service.opsUrl}/readyz`)).status).toBe(503);
      tenant.heal();
      service.clock.advance(5);
      expect((await ask(service)).status).toBe(200);
    },
  );

  test.each(['discovery', 'jwks'] as const)('is 503 when %s never answers', async (route) => {
    const gate = tenant.hold(route);
    const service = await start({ awaitReady: false, env: { UPSTREAM_TIMEOUT_MS: '400' } });
    await expectOutage(await ask(service));
    expect(tenant.countOf(route)).toBe(1);
    gate.open();
  });

  test('does not make every request ask the issuer', async () => {
    tenant.answerWith('discovery', { status: 500 });
    const service = await start({ awaitReady: false });
    await Promise.all(Array.from({ length: 10 }, async () => expectOutage(await ask(service))));
    expect(tenant.countOf('discovery')).toBe(1);
  });
});

async function askWith(keys: readonly unknown[], key: SigningKey = issuerKey): Promise<Response> {
  tenant.answerWith('jwks', { status: 200, body: { keys } });
  const service = await start({ awaitReady: false });
  return ask(service, key);
}

describe('a key set of which a part is odd', () => {
  const odd: readonly unknown[] = [
    null,
    'key',
    7,
    [],
    {},
    { kid: 'key-1' },
    { kty: 'NEW', kid: 'key-1' },
    { kty: 'RSA', kid: 'key-1' },
  ];

  test.each<readonly [string, readonly unknown[]]>([
    ['has odd members', [...odd, issuerKey.jwk, ...odd]],
    ['has the same key twice', [issuerKey.jwk, issuerKey.jwk]],
    ['has another key of the same id behind it', [issuerKey.jwk, { ...nextKey.jwk, kid: 'key-1' }]],
    ['has another key of the same id before it', [{ ...nextKey.jwk, kid: 'key-1' }, issuerKey.jwk]],
    [
      'has a key for encryption of the same id',
      [{ ...nextKey.jwk, kid: 'key-1', use: 'enc' }, issuerKey.jwk],
    ],
    [
      'has more than a hundred members',
      [issuerKey.jwk, ...Array.from({ length: 200 }, (_, n) => ({ ...nextKey.jwk, kid: `k${n}` }))],
    ],
  ])('serves, when it %s', async (_name, keys) => {
    expect((await askWith(keys)).status).toBe(200);
  });

  test('is an outage when nothing of it can be used', async () => {
    const response = await askWith(odd);
    expect(response.status).toBe(503);
    await expectOutage(response);
  });

  test('verifies the tokens of both keys that share an id, and of no third', async () => {
    const twin = { ...nextKey, kid: 'key-1', jwk: { ...nextKey.jwk, kid: 'key-1' } };
    const third = await createSigningKey('key-1');
    tenant.keys = [issuerKey.jwk, twin.jwk];
    const service = await start();
    expect((await ask(service)).status).toBe(200);
    expect((await ask(service, twin)).status).toBe(200);
    await expectProblem(await ask(service, third), 401, 'token_invalid');
  });

  test('says what else is wrong with a token of the second of two keys that share an id', async () => {
    const twin = { ...nextKey, kid: 'key-1', jwk: { ...nextKey.jwk, kid: 'key-1' } };
    tenant.keys = [issuerKey.jwk, twin.jwk];
    const service = await start();
    const token = await mintToken({ key: twin, claims: { aud: 'other' } });
    const response = await fetch(`${service.url}/me`, { headers: { authorization: `Bearer ${token}` } });
    expect(response.headers.get('www-authenticate')).toContain('meant for another audience');
    await expectProblem(response, 401, 'token_invalid');
  });
});
