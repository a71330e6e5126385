import { describe, expect, test } from '@jest/globals';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { getErrors, load } from './environment.ts';

const pkcs8 = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const PEM = pkcs8(p256.privateKey);

describe('the client secret', () => {
  test.each([
    ['without a line break', 'from-file'],
    ['with a line break at its end', 'from-file\n'],
    ['with a line break of Windows at its end', 'from-file\r\n'],
  ])('the secret is read from the file that NAME_FILE names, %s', (_how, content) => {
    const config = load(
      { AUTH0_CLIENT_SECRET: undefined, AUTH0_CLIENT_SECRET_FILE: '/s' },
      { '/s': content },
    );
    expect(config.credentials).toEqual({ kind: 'secret', secret: 'from-file' });
  });

  test('every other character of the file is part of the secret', () => {
    const config = load(
      { AUTH0_CLIENT_SECRET: undefined, AUTH0_CLIENT_SECRET_FILE: '/s' },
      { '/s': 'a  "b=#\n' },
    );
    expect(config.credentials).toEqual({ kind: 'secret', secret: 'a  "b=#' });
  });

  test.each([
    ['a line break too many', 'LEAK\n\n', 'has spaces around it, which are part of the value: remove them'],
    ['a byte order mark', '\ufeffLEAK', 'has spaces around it, which are part of the value: remove them'],
    ['quotes', '"LEAK"\n', 'has quotes around it, which are part of the value: remove them'],
    ['two lines', 'LEAK\nLEAK', 'must not contain a line break or another control character'],
  ])('a file with %s is refused with the reason', (_what, content, reason) => {
    expect(
      getErrors({ AUTH0_CLIENT_SECRET: undefined, AUTH0_CLIENT_SECRET_FILE: '/s' }, { '/s': content }),
    ).toEqual([`AUTH0_CLIENT_SECRET: ${reason}`]);
  });

  test('a secret that is given in a variable and in a file is an error', () => {
    expect(getErrors({ AUTH0_CLIENT_SECRET_FILE: '/s' }, { '/s': 'x' })).toEqual([
      'AUTH0_CLIENT_SECRET: is set twice, also as AUTH0_CLIENT_SECRET_FILE',
    ]);
  });

  test('a file that cannot be read is one error', () => {
    expect(getErrors({ AUTH0_CLIENT_SECRET: undefined, AUTH0_CLIENT_SECRET_FILE: '/gone' })).toEqual([
      'AUTH0_CLIENT_SECRET_FILE: the file cannot be read',
    ]);
  });

  test('an empty file counts as a missing secret', () => {
    expect(
      getErrors({ AUTH0_CLIENT_SECRET: undefined, AUTH0_CLIENT_SECRET_FILE: '/s' }, { '/s': '\n' }),
    ).toEqual(['AUTH0_CLIENT_SECRET: is required, or AUTH0_CLIENT_SIGNING_KEY_PATH']);
  });
});

describe('the private key', () => {
  const withKey = { AUTH0_CLIENT_SECRET: undefined, AUTH0_CLIENT_SIGNING_KEY_PATH: '/key.pem' };

  test('a private key replaces the secret', () => {
    const config = load({ ...withKey, AUTH0_CLIENT_SIGNING_ALGORITHM: 'ES256' }, { '/key.pem': PEM });
    expect(config.credentials).toEqual({ kind: 'private_key', pem: PEM, algorithm: 'ES256' });
  });

  test('a private key beside a secret is an error', () => {
    expect(getErrors({ AUTH0_CLIENT_SIGNING_KEY_PATH: '/key.pem' }, { '/key.pem': PEM })).toEqual([
      'AUTH0_CLIENT_SECRET, AUTH0_CLIENT_SIGNING_KEY_PATH: only one of them may be set',
    ]);
  });

  test('a key file that cannot be read is one error', () => {
    expect(getErrors(withKey)).toEqual(['AUTH0_CLIENT_SIGNING_KEY_PATH: the file cannot be read']);
  });

  test('the attributes that openssl writes before the key are skipped', () => {
    const content = `Bag Attributes\n    localKeyID: 01\n${PEM}`;
    const config = load({ ...withKey, AUTH0_CLIENT_SIGNING_ALGORITHM: 'ES256' }, { '/key.pem': content });
    expect(config.credentials).toMatchObject({ pem: PEM });
  });

  test.each([
    ['RS256', pkcs8(rsa.privateKey)],
    ['RS384', pkcs8(rsa.privateKey)],
    ['PS256', pkcs8(rsa.privateKey)],
    ['PS384', pkcs8(rsa.privateKey)],
    ['ES256', pkcs8(p256.privateKey)],
    ['ES384', pkcs8(p384.privateKey)],
  ])('a key of the kind that %s needs is accepted', (algorithm, content) => {
    const config = load({ ...withKey, AUTH0_CLIENT_SIGNING_ALGORITHM: algorithm }, { '/key.pem': content });
    expect(config.credentials).toEqual({ kind: 'private_key', pem: content, algorithm });
  });

  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const edwards = generateKeyPairSync('ed25519').privateKey;
  const encrypted = rsa.privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();

  test.each([
    [
      'RS256',
      pkcs8(p256.privateKey),
      'AUTH0_CLIENT_SIGNING_ALGORITHM=RS256 needs an RSA key of at least 2048 bits, and this is an EC key on P-256',
    ],
    [
      'RS256',
      pkcs8(small),
      'AUTH0_CLIENT_SIGNING_ALGORITHM=RS256 needs an RSA key of at least 2048 bits, and this is an RSA key of 1024 bits',
    ],
    [
      'ES256',
      pkcs8(p384.privateKey),
      'AUTH0_CLIENT_SIGNING_ALGORITHM=ES256 needs an EC key on P-256, and this is an EC key on P-384',
    ],
    [
      'ES384',
      pkcs8(rsa.privateKey),
      'AUTH0_CLIENT_SIGNING_ALGORITHM=ES384 needs an EC key on P-384, and this is an RSA key of 2048 bits',
    ],
    [
      'PS256',
      pkcs8(edwards),
      'AUTH0_CLIENT_SIGNING_ALGORITHM=PS256 needs an RSA key of at least 2048 bits, and this is a key of the type ed25519',
    ],
    [
      'RS256',
      encrypted,
      'the key is encrypted: convert it with `openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem`',
    ],
    [
      'RS256',
      rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      'the key is in PKCS#1 form, not PKCS#8: convert it with `openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem`',
    ],
    [
      'ES256',
      p256.privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
      'the key is in SEC 1 form, not PKCS#8: convert it with `openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem`',
    ],
    [
      'RS256',
      rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      'the file holds the public key: that one goes to Auth0, the private one here',
    ],
    [
      'RS256',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'the file holds a certificate, not a private key',
    ],
    [
      'RS256',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
      'the private key in the file is damaged',
    ],
    ['RS256', 'LEAK', 'the file holds no private key in PKCS#8 PEM form'],
  ])('a file without a key that signs with %s is refused with the reason', (algorithm, content, reason) => {
    const changes = { ...withKey, AUTH0_CLIENT_SIGNING_ALGORITHM: algorithm };
    expect(getErrors(changes, { '/key.pem': content })).toEqual([`AUTH0_CLIENT_SIGNING_KEY_PATH: ${reason}`]);
  });
});
