import { describe, expect, test } from '@jest/globals';
import type { HttpResponse } from '../../src/lib/http-client.ts';
import { createDeferred, quiet } from '../lib/deferred.ts';
import { json } from '../lib/fake-http.ts';
import { appErrorOf } from '../lib/rejection.ts';
import { createWorld, down, ISSUER, JWKS, kidsFor, MINUTE, published } from './signing-keys-fixture.ts';

describe('keys that grow old', () => {
  test('are renewed in the background once, while the caller gets those held', async () => {
    const { http, clock, keys } = createWorld();
    const answer = createDeferred<HttpResponse>();
    http.next(published('k1'), answer.promise);
    await keys.getKeys('k1');
    clock.advance(10 * MINUTE);
    await keys.getKeys('k1');
    expect(http.sent).toHaveLength(1);
    clock.advance(1);
    expect(await Promise.all([kidsFor(keys, 'k1'), kidsFor(keys, 'k1')])).toEqual([['k1'], ['k1']]);
    expect(http.sent).toHaveLength(2);
    answer.resolve(published('k2'));
    await quiet();
    expect(await kidsFor(keys, undefined)).toEqual(['k2']);
  });

  test('keep their identity when the issuer publishes the same again', async () => {
    const { http, clock, keys } = createWorld();
    http.next(published('k1'));
    const first = await keys.getKeys('k1');
    clock.advance(11 * MINUTE);
    await keys.getKeys('k1');
    await quiet();
    expect(await keys.getKeys('k1')).toBe(first);
  });

  test('stay usable through an outage for a bounded time', async () => {
    const { http, clock, keys } = createWorld();
    http.next(published('k1'), down);
    await keys.getKeys('k1');
    clock.advance(240 * MINUTE - 1);
    expect(await kidsFor(keys, 'k1')).toEqual(['k1']);
    expect(keys.isReady()).toBe(true);
    await quiet();
    clock.advance(2_001);
    expect(keys.isReady()).toBe(false);
    expect((await appErrorOf(keys.getKeys('k1'))).code).toBe('keys_unavailable');
  });

  test('are told of when they change, and when their time is over, but not when they stay the same', async () => {
    const { http, clock, keys } = createWorld();
    let changes = 0;
    keys.onChange(() => {
      changes += 1;
    });
    http.next(published('k1'), published('k1'), published('k2'));
    await keys.getKeys('k1');
    expect(changes).toBe(1);
    clock.advance(11 * MINUTE);
    await keys.getKeys('k1');
    await quiet();
    expect(changes).toBe(1);
    await keys.getKeys('k2');
    expect(changes).toBe(2);
    clock.advance(240 * MINUTE);
    expect([keys.getCurrent(), changes]).toEqual([undefined, 3]);
  });
});

describe('discovery', () => {
  const DISCOVERY = 'https://issuer.test/.well-known/openid-configuration';

  test('tells where the keys are and how the issuer names itself', async () => {
    const { http, keys } = createWorld({ jwksUri: undefined });
    http.next(json(200, { issuer: ISSUER, jwks_uri: JWKS }), published('k1'));
    expect((await keys.getKeys('k1')).issuer).toBe(ISSUER);
    expect(http.sent.map(({ url }) => url)).toEqual([DISCOVERY, JWKS]);
  });

  test.each(['http://localhost:4400/jwks', 'http://127.0.0.1/jwks', 'http://[::1]:9/jwks'])(
    'may name %s, which is on this machine',
    async (address) => {
      const { http, keys } = createWorld({ jwksUri: undefined });
      http.next(json(200, { issuer: ISSUER, jwks_uri: address }), published('k1'));
      expect(await kidsFor(keys, 'k1')).toEqual(['k1']);
    },
  );

  test.each([
    { issuer: 'https://other.test/', jwks_uri: JWKS },
    { issuer: 'https://issuer.test.evil/', jwks_uri: JWKS },
    { issuer: ISSUER, jwks_uri: 'file:///etc/passwd' },
    { issuer: ISSUER, jwks_uri: 'http://issuer.test/jwks' },
    { issuer: ISSUER, jwks_uri: 'http://localhost.evil.test/jwks' },
    { issuer: ISSUER, jwks_uri: 'https://user:password@issuer.test/jwks' },
    { issuer: ISSUER, jwks_uri: 'https://user@issuer.test/jwks' },
    { issuer: ISSUER },
  ])('that answers %j is not used', async (document) => {
    const { http, keys } = createWorld({ jwksUri: undefined });
    http.next(json(200, document), published('k1'));
    expect((await appErrorOf(keys.getKeys('k1'))).code).toBe('keys_unavailable');
    expect(http.sent).toHaveLength(1);
  });
});
