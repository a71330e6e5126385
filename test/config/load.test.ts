import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ConfigError, type Environment, loadConfig } from '../../config/load.ts';
import { VARIABLES } from '../../config/schema.ts';
import { COMPLETE, errorOf, faultsOf, load } from './environment.ts';

test('a complete environment gives a frozen configuration with the documented defaults', () => {
  const config = load();
  expect(config).toMatchObject({
    host: '0.0.0.0',
    port: 3000,
    opsHost: '127.0.0.1',
    opsPort: 9400,
    audience: 'https://api.test',
    issuer: 'https://tenant.eu.auth0.com/',
    jwksUri: undefined,
    tenantUrl: 'https://tenant.eu.auth0.com',
    clientId: 'client',
    credentials: { kind: 'secret', secret: 'the-secret' },
    permissionsClaim: false,
    allowedClients: [],
    corsOrigins: [],
    trustedProxies: [],
    auth0Compat: false,
    metadataBytesMax: 8192,
    requireIfMatch: false,
    cacheTtlSeconds: 60,
    cacheStaleSeconds: 600,
    cacheStaleIfErrorSeconds: 3600,
    cacheClientTtlSeconds: 300,
    redis: undefined,
    cacheEncryptionKeys: [],
    upstreamTimeoutMs: 5000,
    logLevel: 'info',
  });
  expect(Object.isFrozen(config)).toBe(true);
});

describe('the addresses', () => {
  test('of issuer and tenant may differ, as they do with a custom domain', () => {
    const config = load({
      ISSUER_BASE_URL: 'https://login.example.com',
      JWKS_URI: 'https://keys.example.com/jwks',
    });
    expect([config.issuer, config.tenantUrl, config.jwksUri]).toEqual([
      'https://login.example.com/',
      'https://tenant.eu.auth0.com',
      'https://keys.example.com/jwks',
    ]);
  });

  test.each([
    'http://localhost:4400',
    'http://localhost:4400/',
    'http://localhost:4400/api/v2',
    'http://localhost:4400/api/v2/',
  ])('of a local tenant may be given as %s, and then no domain is needed', (address) => {
    const changes = {
      AUTH0_MANAGEMENT_URL: address,
      ISSUER_BASE_URL: 'http://localhost:4400/',
      AUTH0_DOMAIN: undefined,
    };
    const config = load(changes);
    expect([config.tenantUrl, config.issuer]).toEqual(['http://localhost:4400', 'http://localhost:4400/']);
  });

  test('need the domain when only one of them is given', () => {
    expect(faultsOf({ AUTH0_MANAGEMENT_URL: 'http://localhost:4400', AUTH0_DOMAIN: undefined })).toEqual([
      'AUTH0_DOMAIN: is required',
    ]);
  });
});

describe('faults', () => {
  test('are all told at once, each by the name of its variable', () => {
    const error = errorOf({
      AUDIENCE: undefined,
      AUTH0_DOMAIN: 'https://x',
      AUTH0_CLIENT_ID: '',
      AUTH0_CLIENT_SECRET: undefined,
      PORT: 'eighty',
      CACHE_TTL: '60',
      CORS_ORIGINS: '*',
      POLICY_FILE: 'missing.json',
    });
    const names = error.faults.map((fault) => fault.split(':')[0] ?? '').toSorted();
    expect(names).toEqual([
      'AUDIENCE',
      'AUTH0_CLIENT_ID',
      'AUTH0_CLIENT_SECRET',
      'AUTH0_DOMAIN',
      'CACHE_TTL',
      'CORS_ORIGINS',
      'POLICY_FILE',
      'PORT',
    ]);
    for (const fault of error.faults) expect(error.message).toContain(fault);
  });

  test('of an empty environment name everything that is required', () => {
    expect(() => loadConfig({}, () => '{}')).toThrow(ConfigError);
    expect(
      faultsOf({ AUDIENCE: '', AUTH0_DOMAIN: '', AUTH0_CLIENT_ID: '', AUTH0_CLIENT_SECRET: '' }),
    ).toEqual([
      'AUTH0_DOMAIN: is required',
      'AUDIENCE: is required',
      'AUTH0_CLIENT_ID: is required',
      'AUTH0_CLIENT_SECRET: is required, or AUTH0_CLIENT_SIGNING_KEY_PATH',
    ]);
  });

  test('never hold a value, whatever the values are', () => {
    const names = Object.keys(VARIABLES).flatMap((name) => [name, `${name}_FILE`]);
    const value = fc.string({
      minLength: 8,
      maxLength: 30,
      unit: fc.constantFrom('q', 'Q', '7', '#', '-', '/'),
    });
    const environment = fc.dictionary(fc.constantFrom(...names, 'AUTH0_ODD'), value, { minKeys: 1 });
    fc.assert(
      fc.property(environment, value, (changes: Environment, content) => {
        let message = '';
        try {
          loadConfig({ ...COMPLETE, ...changes }, (path) => (path.startsWith('config/') ? '{}' : content));
        } catch (error) {
          message = error instanceof ConfigError ? error.message : `unexpected ${String(error)}`;
        }
        expect(message).not.toContain('unexpected');
        for (const given of [...Object.values(changes), content]) expect(message).not.toContain(given);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a name that does not exist', () => {
  test.each([
    'AUTH0_CLIENT_SECRT',
    'CACHE_TTL',
    'UPSTREAM_TIMEOUT',
    'AUTH0_DOMAIN_FILE',
    'CACHE_TTL_SECONDS_FILE',
  ])('like %s under a prefix of ours is a fault', (name) => {
    expect(faultsOf({ [name]: 'x' })).toEqual([`${name}: no such variable`]);
  });

  test.each(['PATH', 'SECRET', 'HTTP_PROXY', 'AUTH0', 'auth0_domain', 'MY_CACHE_DIR'])(
    'like %s that is not ours is left alone',
    (name) => {
      expect(load({ [name]: 'x' }).port).toBe(3000);
    },
  );
});
