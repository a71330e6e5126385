/** What an issuer may publish: odd members cost nothing but themselves, and keys may share an id. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { JWK } from 'jose';
import { hasKey, getKeyLists, groupKeysById, parseUsableKeys } from '../../src/identity/signing-keys.ts';

function rsa(modulusLength = 2048): JWK {
  return jwkOf(generateKeyPairSync('rsa', { modulusLength }).publicKey);
}
function ec(namedCurve: string): JWK {
  return jwkOf(generateKeyPairSync('ec', { namedCurve }).publicKey);
}
function jwkOf(key: KeyObject): JWK {
  const { kty = '', ...rest } = key.export({ format: 'jwk' });
  return { kty, ...rest };
}

const RSA = rsa();
const OTHER = rsa();
const EC = ec('P-256');
const PRIVATE = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const SECP256K1 = ec('secp256k1');
const ED25519 = jwkOf(generateKeyPairSync('ed25519').publicKey);

describe('a member of a key set is passed over', () => {
  test.each<readonly [string, unknown]>([
    ['null', null],
    ['a text', 'key'],
    ['a number', 7],
    ['a list', [RSA]],
    ['empty', {}],
    ['without kty', { kid: 'k', n: RSA.n, e: RSA.e }],
    ['with a kty that is a number', { ...RSA, kty: 1 }],
    ['of an unknown kty', { ...RSA, kty: 'NEW' }],
    ['symmetric', { kty: 'oct', k: 'c2VjcmV0' }],
    ['without n', { kty: 'RSA', e: 'AQAB' }],
    ['without e', { kty: 'RSA', n: RSA.n }],
    ['with an n that is a number', { ...RSA, n: 7 }],
    ['with an empty n', { ...RSA, n: '' }],
    ['an RSA key of 1024 bits', rsa(1024)],
    ['an EC key without y', { ...EC, y: undefined }],
    ['an EC key that is not on its curve', { ...EC, y: EC.x }],
    ['an EC key of another curve', { ...EC, crv: 'P-384' }],
    ['an EC key of a curve that no accepted algorithm has', SECP256K1],
    ['an Ed25519 key, whose algorithm is not accepted', ED25519],
    ['for encryption', { ...RSA, use: 'enc' }],
    ['of a use that is a list', { ...RSA, use: ['sig'] }],
    ['with operations of which none is verify', { ...RSA, key_ops: ['sign', 'encrypt'] }],
    ['with operations that are a text', { ...RSA, key_ops: 'verify' }],
    ['for an algorithm of encryption', { ...RSA, alg: 'RSA-OAEP' }],
    ['for an HMAC', { ...RSA, alg: 'HS256' }],
    ['of an alg that is a number', { ...RSA, alg: 256 }],
    ['of a kid that is a number', { ...RSA, kid: 1 }],
    ['of a kid that is null', { ...RSA, kid: null }],
    ['published with its private half', PRIVATE],
  ])('when it is %s', (_what, member) => {
    const good = { ...EC, kid: 'good' };
    expect(parseUsableKeys([member, good, member]).map(({ kid }) => kid)).toEqual(['good']);
  });

  test.each<readonly [string, JWK]>([
    ['a plain RSA key', RSA],
    ['of P-256', EC],
    ['of P-384', ec('P-384')],
    ['of P-521', ec('P-521')],
    ['for signatures', { ...RSA, use: 'sig', alg: 'PS512', kid: 'k' }],
    ['to verify', { ...RSA, key_ops: ['verify'] }],
    ['with members unknown here', { ...RSA, x5t: 'x', x5c: [] }],
  ])('and used when it is %s', (_what, member) => {
    const { kty, kid, alg, n, e, crv, x, y } = member;
    const expected = Object.entries({ kty, kid, alg, n, e, crv, x, y }).filter(
      ([, value]) => value !== undefined,
    );
    expect(parseUsableKeys([member])).toEqual([Object.fromEntries(expected)]);
  });
});

test('the same key twice is one', () => {
  expect(parseUsableKeys([RSA, { ...RSA, x5t: 'other' }, RSA])).toHaveLength(1);
});

test('of more than a hundred usable keys the first hundred are used', () => {
  const members = Array.from({ length: 150 }, (_, index) => ({ ...EC, kid: `k${index}` }));
  const kids = parseUsableKeys([null, ...members]).map(({ kid }) => kid);
  expect([kids.length, kids.at(0), kids.at(-1)]).toEqual([100, 'k0', 'k99']);
});

const named = (key: JWK, kid: string): JWK => ({ ...key, kid });
const kidsIn = (lists: ReadonlyArray<{ readonly keys: readonly JWK[] }>) =>
  lists.map(({ keys }) => keys.map(({ kid, kty }) => `${kid} ${kty}`));

describe('keys of one id', () => {
  test('stand in lists of their own, in the order in which they came', () => {
    const lists = groupKeysById([named(RSA, 'a'), named(OTHER, 'a'), named(RSA, 'b'), named(EC, 'a')]);
    expect(kidsIn(lists)).toEqual([['a RSA', 'b RSA', 'a EC'], ['a RSA']]);
    expect(lists.map(({ keys }) => keys[0]?.n)).toEqual([RSA.n, OTHER.n]);
  });

  test('are looked for in the first list and in those that have the id', () => {
    const keySet = {
      issuer: 'i',
      lists: groupKeysById([named(RSA, 'a'), named(OTHER, 'a'), named(EC, 'b')]),
    };
    expect(getKeyLists(keySet, 'a')).toEqual(keySet.lists);
    expect(getKeyLists(keySet, 'b')).toEqual([keySet.lists[0]]);
    expect(['a', 'b', 'c'].map((kid) => hasKey(keySet, kid))).toEqual([true, true, false]);
  });

  test('are used as far as there are four', () => {
    const keys = Array.from({ length: 7 }, () => ec('P-256'));
    expect(groupKeysById(keys.map((key) => named(key, 'a')))).toHaveLength(4);
  });
});
