import { describe, expect, test } from '@jest/globals';
import type { HttpResponse } from '../../src/lib/http-client.ts';
import { createDeferred } from '../lib/deferred.ts';
import { json } from '../lib/fake-http.ts';
import { appErrorOf } from '../lib/rejection.ts';
import { createWorld, down, JWKS, key, kidsFor, MINUTE, published } from './signing-keys-fixture.ts';

describe('keys that are not held yet', () => {
  test('are fetched once for all who ask meanwhile', async () => {
    const { http, keys } = createWorld();
    const answer = createDeferred<HttpResponse>();
    http.next(answer.promise);
    expect(keys.isReady()).toBe(false);
    const waiting = Array.from({ length: 50 }, () => keys.getKeys('k1'));
    answer.resolve(published('k1'));
    expect(new Set(await Promise.all(waiting)).size).toBe(1);
    expect(http.sent).toEqual([{ method: 'GET', url: JWKS, operation: 'issuer.keys' }]);
    expect(keys.isReady()).toBe(true);
  });

  test('make an outage an error of its own that tells when to come back', async () => {
    const { http, keys } = createWorld();
    http.next(down);
    const error = await appErrorOf(keys.getKeys('k1'));
    expect([error.code, error.extras.retryAfterSeconds]).toEqual(['keys_unavailable', 2]);
    expect(keys.isReady()).toBe(false);
  });

  test('are not asked for again until a moment after a failure', async () => {
    const { http, clock, keys } = createWorld();
    http.next(down, published('k1'));
    await appErrorOf(keys.getKeys('k1'));
    clock.advance(1_999);
    expect((await appErrorOf(keys.getKeys('k1'))).code).toBe('keys_unavailable');
    expect(http.sent).toHaveLength(1);
    clock.advance(1);
    expect(await kidsFor(keys, 'k1')).toEqual(['k1']);
  });

  test.each([
    json(500, {}),
    json(200, {}),
    json(200, { keys: 'none' }),
    json(200, { keys: [{ kid: 'no type' }] }),
    json(200, { keys: [null, 'text', 7, [], {}, { kty: 'OKP', kid: 'k1' }] }),
    { status: 200, headers: new Map<string, string>(), text: '<html>' },
  ])('stay so after an answer that is no key set (%#)', async (reply) => {
    const { http, keys } = createWorld();
    http.next(reply);
    expect((await appErrorOf(keys.getKeys('k1'))).code).toBe('keys_unavailable');
  });
});

test('symmetric keys and keys for encryption are dropped', async () => {
  const { http, keys } = createWorld();
  const odd = [
    { kty: 'oct', kid: 'secret', k: 'c2VjcmV0' },
    { ...key('enc'), use: 'enc' },
    { ...key('sig'), use: 'sig' },
  ];
  http.next(json(200, { keys: [...odd, key('plain')] }));
  expect(await kidsFor(keys, undefined)).toEqual(['sig', 'plain']);
});

describe('a key id that is not among the keys held', () => {
  test('is looked for at the issuer, so that a rotation is seen at once', async () => {
    const { http, keys } = createWorld();
    http.next(published('k1'), published('k1', 'k2'));
    await keys.getKeys('k1');
    expect(await kidsFor(keys, 'k2')).toEqual(['k1', 'k2']);
  });

  test('is looked for as often as the brake allows, and then answered from what is held', async () => {
    const { http, keys } = createWorld();
    http.next(published('k1'));
    await keys.getKeys('k1');
    const asked: number[] = [];
    await Array.from({ length: 10 }, (_, index) => `unknown ${index}`).reduce(async (before, kid) => {
      await before;
      expect(await kidsFor(keys, kid)).toEqual(['k1']);
      asked.push(http.sent.length - 1);
    }, Promise.resolve());
    expect(asked).toEqual([1, 2, 3, 3, 3, 3, 3, 3, 3, 3]);
  });

  test.each([
    [9_999, 0],
    [10_000, 1],
    [19_999, 1],
    [25_000, 2],
    [1_000_000, 3],
  ])('may be looked for again after %d ms of rest, %d times', async (rest, times) => {
    const { http, clock, keys } = createWorld({ refreshAfterMs: 10_000_000 });
    http.next(published('k1'));
    await keys.getKeys('k1');
    const spend = () =>
      Array.from({ length: 5 }).reduce<Promise<void>>(async (before) => {
        await before;
        await keys.getKeys('unknown');
      }, Promise.resolve());
    await spend();
    const before = http.sent.length;
    clock.advance(rest);
    await spend();
    expect(http.sent.length - before).toBe(times);
  });

  test('earns no more while nothing was spent than the burst', async () => {
    const { http, clock, keys } = createWorld({ refreshAfterMs: 100 * MINUTE });
    http.next(published('k1'));
    await keys.getKeys('k1');
    clock.advance(60 * MINUTE);
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((kid) => keys.getKeys(kid)));
    await keys.getKeys('f');
    await keys.getKeys('g');
    expect(http.sent.length).toBeLessThanOrEqual(4);
  });

  test('is an outage and not a bad token while the issuer cannot be asked', async () => {
    const { http, keys } = createWorld();
    http.next(published('k1'), down);
    await keys.getKeys('k1');
    expect((await appErrorOf(keys.getKeys('k2'))).code).toBe('keys_unavailable');
    expect((await appErrorOf(keys.getKeys('k2'))).code).toBe('keys_unavailable');
    expect(await kidsFor(keys, 'k1')).toEqual(['k1']);
  });
});
