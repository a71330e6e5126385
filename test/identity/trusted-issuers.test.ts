/** When a caller whose token was verified before is told that the key behind it is gone. */
import { describe, expect, test } from '@jest/globals';
import { createTrustedIssuers } from '../../src/identity/signing-keys.ts';
import { quiet } from '../lib/deferred.ts';
import { json } from '../lib/fake-http.ts';
import { createWorld, ISSUER, key, MINUTE, otherKey, published } from './signing-keys-fixture.ts';

async function open() {
  const { http, clock, keys } = createWorld();
  const issuers = createTrustedIssuers([keys]);
  http.next(published('k1', 'k2'));
  await issuers.getKeys(ISSUER, 'k1');
  return {
    http,
    clock,
    issuers,
    watch: (keyId: string | undefined, issuer = ISSUER) => {
      const seen = { ends: 0 };
      const stop = issuers.watchRevoked({ issuer, keyId }, () => {
        seen.ends += 1;
      });
      return { seen, stop };
    },
    /** The issuer publishes these from now on, and a token makes us look. */
    publish: async (...next: readonly object[]) => {
      http.next(json(200, { keys: next }));
      clock.advance(11 * MINUTE);
      await issuers.getKeys(ISSUER, undefined);
      await quiet();
    },
  };
}

describe('a key that was watched', () => {
  test('and is no longer published is reported once', async () => {
    const { watch, publish } = await open();
    const { seen } = watch('k1');
    await publish(key('k2'));
    await publish(key('k2'), key('k3'));
    expect(seen.ends).toBe(1);
  });

  test('and stays among others is not told of', async () => {
    const { watch, publish } = await open();
    const { seen } = watch('k1');
    await publish(key('k1'), key('k3'));
    expect(seen.ends).toBe(0);
  });

  test('and stands for another key now is reported', async () => {
    const { watch, publish } = await open();
    const { seen } = watch('k1');
    await publish(otherKey('k1'), key('k2'));
    expect(seen.ends).toBe(1);
  });

  test('and whose time of trust is over is reported', async () => {
    const { watch, clock, issuers } = await open();
    const { seen } = watch('k1');
    clock.advance(240 * MINUTE);
    expect([issuers.isAnyReady(), seen.ends]).toEqual([false, 1]);
  });

  test('and is no longer watched is not told of', async () => {
    const { watch, publish } = await open();
    const { seen, stop } = watch('k1');
    stop();
    await publish(key('k2'));
    expect(seen.ends).toBe(0);
  });
});

test('for a token without a key id, any change of the keys is reported', async () => {
  const { watch, publish } = await open();
  const { seen } = watch(undefined);
  await publish(key('k1'), key('k2'), key('k3'));
  expect(seen.ends).toBe(1);
});

test.each([
  ['a key that is gone already', 'k0', ISSUER],
  ['an issuer that is not listed', 'k1', 'https://other.test/'],
])('%s is reported at once', async (_name, keyId, issuer) => {
  const { watch } = await open();
  expect(watch(keyId, issuer).seen.ends).toBe(1);
});
