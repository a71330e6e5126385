import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Environment } from '../../config/environment.ts';
import { ConfigError, loadConfig } from '../../config/load.ts';
import { VARIABLES } from '../../config/variables.ts';
import { COMPLETE, getConfigError, getErrors, load } from './environment.ts';

test('a complete environment gives a frozen configuration with the documented defaults', () => {
  const config = load();
  expect(config).toMatchObject({
    host: '0.0.0.0',
    port: 3000,
    opsHost: '127.0.0.1',
    opsPort: 9400,
    audience: 'https://api.test',
    issuers: ['https://tenant.eu.auth0.com/'],
    jwksUri: undefined,
    tenantUrl: 'https://tenant.eu.auth0.com',
    clientId: 'client',
    credentials: { kind: 'secret', secret: 'the-secret' },
    permissionsClaim: false,
    allowedClients: [],
    publicUrls: [],
    publicHealth: false,
    corsOrigins: [],
    corsAllowedHeaders: [],
    trustedProxies: [],
    auth0Compat: false,
    maxMetadataBytes: 8192,
    requireIfMatch: false,
    cacheTtlSeconds: 60,
    cacheStaleSeconds: 600,
    cacheStaleIfErrorSeconds: 3600,
    cacheClientTtlSeconds: 300,
    redisAddress: undefined,
    cacheEncryptionKeys: [],
    upstreamTimeoutMs: 5000,
    logLevel: 'info',
  });
  expect(Object.isFrozen(config)).toBe(true);
});

describe('the addresses of issuer and tenant', () => {
  test('issuer and tenant may have different addresses, as with a custom domain', () => {
    const config = load({
      ISSUER_BASE_URL: 'https://login.example.com',
      JWKS_URI: 'https://keys.example.com/jwks',
    });
    expect([config.issuers, config.tenantUrl, config.jwksUri]).toEqual([
      ['https://login.example.com/'],
      'https://tenant.eu.auth0.com',
      'https://keys.example.com/jwks',
    ]);
  });

  test.each([
    'http://localhost:4400',
    'http://localhost:4400/',
    'http://localhost:4400/api/v2',
    'http://localhost:4400/api/v2/',
  ])('a local tenant may be given as %s, and then no domain is needed', (address) => {
    const changes = {
      AUTH0_MANAGEMENT_URL: address,
      ISSUER_BASE_URL: 'http://localhost:4400/',
      AUTH0_DOMAIN: undefined,
    };
    const config = load(changes);
    expect([config.tenantUrl, config.issuers]).toEqual(['http://localhost:4400', ['http://localhost:4400/']]);
  });

  test('several issuers are listed once each, with a slash at the end', () => {
    const { issuers } = load({
      ISSUER_BASE_URL: 'https://login.example.com, https://tenant.eu.auth0.com/,https://login.example.com/',
    });
    expect(issuers).toEqual(['https://login.example.com/', 'https://tenant.eu.auth0.com/']);
  });

  test('several issuers with one JWKS_URI are an error', () => {
    const errors = getErrors({
      ISSUER_BASE_URL: 'https://a.example.com,https://b.example.com',
      JWKS_URI: 'https://keys.example.com/jwks',
    });
    expect(errors).toEqual([expect.stringMatching(/^JWKS_URI: must be unset where .* keys of its own$/)]);
  });

  test('the domain is required when only one of the addresses is given', () => {
    expect(getErrors({ AUTH0_MANAGEMENT_URL: 'http://localhost:4400', AUTH0_DOMAIN: undefined })).toEqual([
      'AUTH0_DOMAIN: is required',
    ]);
  });
});

describe('the addresses that DPoP proofs are for', () => {
  test('DPOP_REQUIRED without PUBLIC_URL is an error', () => {
    expect(getErrors({ DPOP_REQUIRED: 'true' })).toEqual(['PUBLIC_URL: is required with DPOP_REQUIRED']);
    const config = load({ DPOP_REQUIRED: 'true', PUBLIC_URL: 'https://api.test/' });
    expect(config).toMatchObject({ dpopRequired: true, publicUrls: ['https://api.test'] });
  });

  test('DPOP_REQUIRED with an invalid PUBLIC_URL is one error, not two', () => {
    expect(getErrors({ DPOP_REQUIRED: 'true', PUBLIC_URL: 'http://api.test' })).toEqual([
      'PUBLIC_URL: must use https; plain http is accepted on loopback only',
    ]);
  });
});

describe('an invalid entry of a list', () => {
  test.each([
    ['https://a.test/', 'must list origins without a trailing slash'],
    ['https://a.test,https://B.test', 'must write hosts in lower case, as browsers send them (entry 2)'],
    ['https://*.com', 'needs two labels behind a star: https://*.example.com'],
    ['http://*.a.test', 'accepts a star in https origins only'],
    ['https://a.test:443', 'must leave default ports out, as browsers do'],
    ['*', '* is refused: list each origin, or https://*.example.com for its subdomains'],
  ])('CORS_ORIGINS=%s is refused with the reason', (origins, reason) => {
    expect(getErrors({ CORS_ORIGINS: origins })).toEqual([`CORS_ORIGINS: ${reason}`]);
  });
});

describe('the errors', () => {
  test('all errors are reported at once, each by the name of its variable', () => {
    const error = getConfigError({
      AUDIENCE: undefined,
      AUTH0_DOMAIN: 'https://x',
      AUTH0_CLIENT_ID: '',
      AUTH0_CLIENT_SECRET: undefined,
      PORT: 'eighty',
      CACHE_TTL_SECONDS: '1m',
      CORS_ORIGINS: '*',
      POLICY_FILE: 'missing.json',
    });
    const names = error.errors.map((line) => line.split(':')[0] ?? '').toSorted();
    expect(names).toEqual([
      'AUDIENCE',
      'AUTH0_CLIENT_ID',
      'AUTH0_CLIENT_SECRET',
      'AUTH0_DOMAIN',
      'CACHE_TTL_SECONDS',
      'CORS_ORIGINS',
      'POLICY_FILE',
      'PORT',
    ]);
    for (const line of error.errors) expect(error.message).toContain(`\n  - ${line}`);
    expect(error.message).toMatch(/^8 configuration errors:\n/);
  });

  test.each<[string, Environment, object, string]>([
    ['the environment', { PORT: 'eighty' }, {}, 'PORT'],
    ['the policy', {}, { colour: 'blue' }, 'POLICY_FILE'],
  ])('those of the schema stand beside those of %s', (_what, env, policy, name) => {
    const text = JSON.stringify({ userMetadata: { schema: { typ: 'x' } }, ...policy });
    const examine = () =>
      loadConfig(
        { ...COMPLETE, ...env, POLICY_FILE: 'policy.json' },
        () => text,
        ({ schema }) => [`examined ${JSON.stringify(schema)}`],
      );
    expect(examine).toThrow(
      new RegExp(`^2 configuration errors:\n  - ${name}: .*\n  - examined {"typ":"x"}$`),
    );
  });

  test('an empty environment gives an error for each variable that is required', () => {
    expect(() => loadConfig({}, () => '{}')).toThrow(ConfigError);
    expect(
      getErrors({ AUDIENCE: '', AUTH0_DOMAIN: '', AUTH0_CLIENT_ID: '', AUTH0_CLIENT_SECRET: '' }),
    ).toEqual([
      'AUDIENCE: is required',
      'AUTH0_DOMAIN: is required',
      'AUTH0_CLIENT_ID: is required',
      'AUTH0_CLIENT_SECRET: is required, or AUTH0_CLIENT_SIGNING_KEY_PATH',
    ]);
  });

  test('no error and no warning holds a value of a variable or the content of a file', () => {
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
          const config = loadConfig({ ...COMPLETE, ...changes }, (path) =>
            path.startsWith('config/') ? '{}' : content,
          );
          message = config.warnings.join();
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

test('a single error is announced in the singular', () => {
  expect(getConfigError({ PORT: 'eighty' }).message).toBe(
    '1 configuration error:\n  - PORT: must be a whole number from 0 to 65535',
  );
});

describe('the address of Redis', () => {
  const files = { '/ca': 'CA', '/cert': 'CERT', '/key': 'KEY' };

  test('without TLS, the address has no certificates', () => {
    expect(load({ REDIS_URL: 'redis://redis.test' }).redisAddress).toEqual({
      topology: 'single',
      nodes: [{ host: 'redis.test', port: 6379 }],
      masterName: '',
      database: 0,
      username: undefined,
      password: undefined,
      tls: undefined,
    });
  });

  test('with TLS, the address has the certificates and the key of the files that are named', () => {
    const url = { REDIS_URL: 'rediss://redis.test' };
    const none = { ca: undefined, cert: undefined, key: undefined };
    expect(load(url).redisAddress?.tls).toEqual(none);
    expect(load({ ...url, REDIS_CA_FILE: '/ca' }, files).redisAddress?.tls).toEqual({ ...none, ca: 'CA' });
    const pair = { REDIS_CERT_FILE: '/cert', REDIS_KEY_FILE: '/key' };
    expect(load({ ...url, ...pair }, files).redisAddress?.tls).toEqual({ ...none, cert: 'CERT', key: 'KEY' });
  });

  test.each([
    [
      'redis://redis.test',
      { REDIS_CA_FILE: '/ca' },
      'REDIS_URL: must begin with rediss for the REDIS_*_FILE that are given',
    ],
    [
      'rediss://redis.test',
      { REDIS_CERT_FILE: '/cert' },
      'REDIS_CERT_FILE: needs REDIS_KEY_FILE, and that one needs it',
    ],
    ['rediss://redis.test', { REDIS_CA_FILE: '/gone' }, 'REDIS_CA_FILE: the file cannot be read'],
  ])('%s with %j is an error', (url, changes, error) => {
    expect(getErrors({ REDIS_URL: url, ...changes }, files)).toEqual([error]);
  });
});

describe('an unknown name with a prefix of the service', () => {
  test.each([
    ['AUTH0_DOMIAN', 'AUTH0_DOMAIN'],
    ['AUTH0_CLIENT_SECRT', 'AUTH0_CLIENT_SECRET'],
    ['AUTH0_CLIENT_SECRET_FIEL', 'AUTH0_CLIENT_SECRET_FILE'],
    ['CACHE_TTL', 'CACHE_TTL_SECONDS'],
    ['UPSTREAM_TIMEOUT', 'UPSTREAM_TIMEOUT_MS'],
    ['AUTH0_DOMAIN_FILE', 'AUTH0_DOMAIN'],
  ])('%s is a warning that suggests %s', (name, nearest) => {
    expect(load({ [name]: 'x' }).warnings).toEqual([`${name}: unknown variable; did you mean ${nearest}?`]);
  });

  test.each(['AUTH0_ACTION_SECRETS_PATH', 'CACHE_BUST', 'UPSTREAM_X'])(
    '%s is a warning without a suggestion, because no name is near',
    (name) => {
      expect(load({ [name]: 'x' }).warnings).toEqual([`${name}: unknown variable`]);
    },
  );

  test('warnings are reported beside the errors when the start is refused', () => {
    const error = getConfigError({ AUTH0_DOMAIN: undefined, AUTH0_DOMIAN: 'LEAK' });
    expect(error.errors).toEqual(['AUTH0_DOMAIN: is required']);
    expect(error.message).toContain(
      'Warnings:\n  - AUTH0_DOMIAN: unknown variable; did you mean AUTH0_DOMAIN?',
    );
    expect(error.message).not.toContain('LEAK');
  });

  test.each(['PATH', 'SECRET', 'HTTP_PROXY', 'AUTH0', 'auth0_domain', 'MY_CACHE_DIR'])(
    '%s is no warning, because it has no prefix of the service',
    (name) => {
      expect(load({ [name]: 'x' }).warnings).toEqual([]);
    },
  );
});

describe('the variables that Kubernetes sets for each Service of the namespace', () => {
  test('service links are no warning', () => {
    const links = {
      CACHE_SERVICE_HOST: '10.0.0.1',
      CACHE_SERVICE_PORT: '6379',
      CACHE_SERVICE_PORT_REDIS_TLS: '6380',
      CACHE_PORT: 'tcp://10.0.0.1:6379',
      CACHE_PORT_6379_TCP: 'tcp://10.0.0.1:6379',
      CACHE_PORT_6379_TCP_PROTO: 'tcp',
      CACHE_PORT_6379_TCP_PORT: '6379',
      CACHE_PORT_6379_TCP_ADDR: '10.0.0.1',
      UPSTREAM_WAIT_PORT_53_UDP: 'udp://10.0.0.2:53',
    };
    expect(load(links).warnings).toEqual([]);
  });

  test('a Service named ops leaves OPS_PORT at its default, with a warning', () => {
    const config = load({ OPS_PORT: 'tcp://10.0.0.9:80', OPS_SERVICE_HOST: '10.0.0.9' });
    expect(config.opsPort).toBe(9400);
    expect(config.warnings).toEqual([expect.stringMatching(/^OPS_PORT: .*enableServiceLinks: false/)]);
    expect(config.warnings.join()).not.toContain('10.0.0.9');
  });

  test('the address of a Service in another variable is an error', () => {
    expect(getErrors({ PORT: 'tcp://10.0.0.9:80' })).toEqual([expect.stringMatching(/^PORT: must be/)]);
  });
});

describe('a value that can never work', () => {
  const quotes = 'has quotes around it, which are part of the value: remove them';
  const spaces = 'has spaces around it, which are part of the value: remove them';

  test.each([
    ['AUDIENCE', '"https://api.test"', quotes],
    ['AUDIENCE', "'https://api.test'", quotes],
    ['AUDIENCE', ' https://api.test', spaces],
    ['AUDIENCE', 'https://api.test\t', spaces],
    ['AUTH0_CLIENT_ID', '"client"', quotes],
    ['AUTH0_CLIENT_SECRET', '"LEAK"', quotes],
    ['AUTH0_CLIENT_SECRET', 'LEAK ', spaces],
    ['AUTH0_DOMAIN', '"t.auth0.com"', quotes],
    ['JWKS_URI', ' https://login.test/jwks', spaces],
    ['ALLOWED_CLIENTS', '"a","b"', quotes],
    ['POLICY_FILE', 'config/policy.json ', spaces],
    ['PORT', '"3000"', quotes],
    ['AUTH0_EVENTS', '"true"', quotes],
    ['REDIS_URL', '"redis://localhost"', quotes],
    ['CACHE_HASH_KEY', '"0123456789abcdef"', quotes],
    [
      'AUTH0_DOMAIN',
      'https://t.auth0.com',
      'must be a host name such as tenant.eu.auth0.com, without https:// and without a path',
    ],
    [
      'ISSUER_BASE_URL',
      'https://t.test/.well-known/openid-configuration',
      'must be the issuer alone: leave out /.well-known and what follows',
    ],
    [
      'CACHE_ENCRYPTION_KEY_PREVIOUS',
      Buffer.alloc(32).toString('base64'),
      'needs CACHE_ENCRYPTION_KEY beside it',
    ],
    ['OPS_PORT', '3000', 'must differ from PORT, because both listeners would be bound to the same address'],
  ])('%s=%j is refused with the reason', (name, value, reason) => {
    const error = getConfigError({ [name]: value });
    expect(error.errors).toEqual([`${name}: ${reason}`]);
    expect(error.message).not.toContain('LEAK');
  });

  test('lists may have spaces between their items, and two addresses may have the same port', () => {
    expect(load({ ALLOWED_CLIENTS: ' a, b ' }).allowedClients).toEqual(['a', 'b']);
    expect(load({ HOST: '10.0.0.1', OPS_HOST: '127.0.0.1', OPS_PORT: '3000' }).opsPort).toBe(3000);
    expect(load({ PORT: '0', OPS_PORT: '0' }).port).toBe(0);
  });

  test('the issuer is written as Auth0 writes it, regardless of the case of its host', () => {
    expect(load({ AUTH0_DOMAIN: 'Tenant.EU.auth0.com' }).issuers).toEqual(['https://tenant.eu.auth0.com/']);
    expect(load({ ISSUER_BASE_URL: 'https://Login.Test:443' }).issuers).toEqual(['https://login.test/']);
  });
});
