import { describe, expect, test } from '@jest/globals';
import { faultsOf, load } from './environment.ts';

const PEM = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';

describe('a secret', () => {
  test.each([
    ['plain', 'from-file'],
    ['with a line break at its end', 'from-file\n'],
    ['with a line break of another system', 'from-file\r\n'],
  ])('comes from the file that NAME_FILE names, %s', (_how, content) => {
    const config = load(
      { AUTH0_CLIENT_SECRET: undefined, AUTH0_CLIENT_SECRET_FILE: '/s' },
      { '/s': content },
    );
    expect(config.credentials).toEqual({ kind: 'secret', secret: 'from-file' });
  });

  test('keeps every other character of its file', () => {
    const config = load(
      { AUTH0_CLIENT_SECRET: undefined, AUTH0_CLIENT_SECRET_FILE: '/s' },
      { '/s': ' a\n b \n\n' },
    );
    expect(config.credentials).toEqual({ kind: 'secret', secret: ' a\n b \n' });
  });

  test('that is given twice is a fault', () => {
    expect(faultsOf({ AUTH0_CLIENT_SECRET_FILE: '/s' }, { '/s': 'x' })).toEqual([
      'AUTH0_CLIENT_SECRET: is set twice, also as AUTH0_CLIENT_SECRET_FILE',
    ]);
  });

  test('whose file cannot be read is one fault', () => {
    expect(faultsOf({ AUTH0_CLIENT_SECRET: undefined, AUTH0_CLIENT_SECRET_FILE: '/gone' })).toEqual([
      'AUTH0_CLIENT_SECRET_FILE: the file cannot be read',
    ]);
  });

  test('whose file is empty is missing', () => {
    expect(
      faultsOf({ AUTH0_CLIENT_SECRET: undefined, AUTH0_CLIENT_SECRET_FILE: '/s' }, { '/s': '\n' }),
    ).toEqual(['AUTH0_CLIENT_SECRET: is required, or AUTH0_CLIENT_SIGNING_KEY_PATH']);
  });
});

describe('a private key', () => {
  const withKey = { AUTH0_CLIENT_SECRET: undefined, AUTH0_CLIENT_SIGNING_KEY_PATH: '/key.pem' };

  test('takes the place of the secret', () => {
    const config = load({ ...withKey, AUTH0_CLIENT_SIGNING_ALGORITHM: 'ES256' }, { '/key.pem': PEM });
    expect(config.credentials).toEqual({ kind: 'private_key', pem: PEM, algorithm: 'ES256' });
  });

  test('beside a secret is a fault', () => {
    expect(faultsOf({ AUTH0_CLIENT_SIGNING_KEY_PATH: '/key.pem' }, { '/key.pem': PEM })).toEqual([
      'AUTH0_CLIENT_SECRET, AUTH0_CLIENT_SIGNING_KEY_PATH: only one of them may be set',
    ]);
  });

  test('that cannot be read, or is none, is a fault', () => {
    expect(faultsOf(withKey)).toEqual(['AUTH0_CLIENT_SIGNING_KEY_PATH: the file cannot be read']);
    const rsa = PEM.replaceAll('PRIVATE', 'RSA PRIVATE');
    expect(faultsOf(withKey, { '/key.pem': rsa })).toEqual([
      'AUTH0_CLIENT_SIGNING_KEY_PATH: the file holds no private key in PKCS#8 PEM form',
    ]);
  });
});
