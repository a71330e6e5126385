import { describe, expect, test } from '@jest/globals';
import { VARIABLES, type Variable, type VariableName } from '../../config/variables.ts';

type Accepted = readonly [text: string, value: unknown];
interface Rule {
  readonly accepts: readonly Accepted[];
  readonly refuses: readonly string[];
}

const same = (...texts: readonly string[]): Accepted[] => texts.map((text) => [text, text]);
const flag: Rule = {
  accepts: [
    ['true', true],
    ['false', false],
  ],
  refuses: ['', 'TRUE', '1', 'yes', ' true'],
};
const url: Rule = {
  accepts: [
    ...same(
      'https://a.test/',
      'https://a.test:8443/x',
      'http://localhost:4400/',
      'http://127.0.0.1:1/',
      'http://127.8.9.1/',
      'http://[::1]:4400/',
    ),
    ['https://a.test', 'https://a.test/'],
    ['https://A.Test:443/X', 'https://a.test/X'],
  ],
  refuses: [
    '"https://a.test"',
    ' https://a.test',
    'https://a.test\n',
    'https://a.\ttest',
    '',
    'a.test',
    '//a.test',
    'ftp://a.test',
    'http://a.test',
    'http://localhost.evil.test',
    'http://127.0.0.1.evil.test',
    'http://0.0.0.0',
    'http://10.0.0.1',
    'https://user@a.test',
    'https://user:pass@a.test',
    'https://a.test?x=1',
    'https://a.test#x',
    'javascript:alert(1)',
  ],
};

function integer(min: number, max: number): Rule {
  const values: Accepted[] = [min, max, Math.floor((min + max) / 2)].map((value) => [String(value), value]);
  const outside = min > 0 ? [String(min - 1), String(max + 1)] : [String(max + 1)];
  return {
    accepts: values,
    refuses: ['', '-1', '1.5', '1e3', '0x10', ' 5', 'NaN', '9'.repeat(400), ...outside],
  };
}

const aesKey: Rule = {
  accepts: [[Buffer.alloc(32, 7).toString('base64'), Buffer.alloc(32, 7)]],
  refuses: [
    '',
    Buffer.alloc(31).toString('base64'),
    Buffer.alloc(33).toString('base64'),
    '7'.repeat(32),
    `"${Buffer.alloc(32, 7).toString('base64')}"`,
  ],
};
const anyText: Rule = {
  accepts: same('x', 'an identifier', 'Ünï'),
  refuses: ['', 'a\nb', 'a\u0000', '\u007f'],
};
const listenAddress: Rule = {
  accepts: same('0.0.0.0', '127.0.0.1', '::', '::1', 'fe80::1%eth0', 'localhost', 'a-b.c_d.test'),
  refuses: ['', '*', '[::1]', '0.0.0.0:3000', 'http://0.0.0.0', 'a b', 'a/b', '"localhost"'],
};
const otelFlag: Rule = {
  accepts: [
    ['true', true],
    ['TRUE', true],
    ['False', false],
  ],
  refuses: ['', '1', 'yes', 'on'],
};

const listed = (...items: readonly string[]): Accepted[] => items.map((item) => [item, [item]]);

const collector: Rule = {
  accepts: same('http://collector:4318', 'https://otlp.test/base'),
  refuses: ['', 'collector:4318', 'grpc://collector:4317', 'file:///x'],
};

/** One server, without any option. */
const at = (host: string, port: number) => ({
  topology: 'single',
  nodes: [{ host, port }],
  masterName: '',
  database: 0,
  username: undefined,
  password: undefined,
  encrypted: false,
});

/** Spaces around an entry of a list are ignored. */
const refusedInList = url.refuses.filter((text) => text === text.trim());

const RULES: Readonly<Record<VariableName, Rule>> = {
  HOST: listenAddress,
  PORT: integer(0, 65_535),
  OPS_HOST: listenAddress,
  OPS_PORT: integer(0, 65_535),
  AUDIENCE: anyText,
  AUTH0_DOMAIN: {
    accepts: [...same('tenant.eu.auth0.com', 'localhost:4400'), ['A-b.C:443', 'a-b.c']],
    refuses: [
      't.test:70000',
      '',
      'https://t.auth0.com',
      't.auth0.com/',
      'a b',
      'user@t.test',
      't..test',
      't.test:123456',
      't.test?x',
    ],
  },
  ISSUER_BASE_URL: {
    accepts: [
      ...url.accepts.map(([text, value]): Accepted => [text, [value]]),
      [' https://a.test , https://b.test/,,https://A.test', ['https://a.test/', 'https://b.test/']],
    ],
    refuses: [
      ...refusedInList,
      'https://a.test/.well-known/openid-configuration',
      'https://a.test/x/.well-known/oauth-authorization-server',
      'https://a.test/.well-known',
      ' , ',
      ...refusedInList.filter((text) => text !== '').map((text) => `https://a.test,${text}`),
    ],
  },
  JWKS_URI: url,
  AUTH0_CLIENT_ID: {
    accepts: same('aB3', 'https://client.test/x'),
    refuses: ['', 'a b', '"a"', "a'", 'a\n'],
  },
  AUTH0_CLIENT_SECRET: anyText,
  AUTH0_CLIENT_SIGNING_KEY_PATH: anyText,
  AUTH0_CLIENT_SIGNING_ALGORITHM: {
    accepts: same('RS256', 'PS384', 'ES256'),
    refuses: ['', 'HS256', 'none', 'rs256'],
  },
  AUTH0_MANAGEMENT_URL: url,
  AUTH0_EVENTS: flag,
  AUTH_PERMISSIONS_CLAIM: flag,
  DPOP_REQUIRED: flag,
  ALLOWED_CLIENTS: {
    accepts: [
      ['', []],
      ['a', ['a']],
      [' a , b,,', ['a', 'b']],
    ],
    refuses: ['"a"', '"a","b"', 'a b', 'a;b c'],
  },
  PUBLIC_URL: {
    accepts: [
      ['https://a.test', ['https://a.test']],
      ['https://A.test:443/', ['https://a.test']],
      ['https://bücher.test', ['https://xn--bcher-kva.test']],
      [
        'https://a.test/api/profile/, http://localhost:3000',
        ['https://a.test/api/profile', 'http://localhost:3000'],
      ],
      ['https://a.test,https://a.test/', ['https://a.test']],
    ],
    refuses: [
      '',
      ',',
      // Spaces around an entry of a list are ignored.
      ...url.refuses.filter((text) => text.trim() === text),
      'https://a.test?',
      'https://a.test#',
      'https://a.test,http://b.test',
      'https://a.test//x',
      'https://a.test/x//y',
      'https://a.test/../x',
      'https://a.test/./x',
      'https://a.test/%2e/x',
      'https://a.test/a b',
      'https:\\a.test',
      'https:a.test',
    ],
  },
  PUBLIC_HEALTH: flag,
  CORS_ORIGINS: {
    accepts: [
      ['', []],
      ['https://a.test', ['https://a.test']],
      ['https://a.test,https://a.test', ['https://a.test']],
      ['http://localhost:5173, https://a.test:8443', ['http://localhost:5173', 'https://a.test:8443']],
      ...listed('https://xn--bcher-kva.test', 'http://127.0.0.1:3000', 'http://[::1]:3000', 'http://a.test'),
      ...listed('https://*.example.com', 'https://*.eu.example.com:8443', 'https://*.vercel.app'),
      ...listed(
        'capacitor://localhost',
        'ionic://localhost',
        'tauri://localhost',
        'app://.',
        'myapp://Host:1',
      ),
      ...listed('chrome-extension://abcdefghijklmnopabcdefghijklmnop'),
      ...listed('moz-extension://0f2a5f4e-7a36-4b0b-9d3b-1b1c8a3f0d11'),
      ...listed('safari-web-extension://1E7C8C5A-8F63-4B0B-9D3B-1B1C8A3F0D11'),
    ],
    refuses: [
      '*',
      'null',
      'a.test',
      '//a.test',
      'https://',
      'https:a.test',
      'https://a.test/',
      'https://a.test/x',
      'https://a.test?x',
      'https://a.test#x',
      'https://user@a.test',
      'https://a.test:443',
      'http://a.test:80',
      'https://a.test:0443',
      'https://a.test:99999',
      'https://a.test:',
      'https://A.test',
      'HTTPS://a.test',
      'https://bücher.test',
      'http://127.1',
      'https://a.test,https://b.test/',
      'http://*.example.com',
      'https://*',
      'https://*.com',
      'https://*.com:8443',
      'https://*.example.com:443',
      'https://*.Example.com',
      'https://*.example.com/',
      'https://*.example..com',
      'https://*.example.com.',
      'https://*.*.example.com',
      'https://a.*.example.com',
      'https://a*.example.com',
      'https://*example.com',
      'https://*.168.0.1',
      'https://*.[::1]',
      'capacitor://*.localhost',
      'capacitor://',
      'capacitor://localhost/',
      'capacitor://localhost/x',
      'Capacitor://localhost',
      'chrome-extension://ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP',
      'file://',
      'file://host',
      'javascript://a',
      'data://a',
      'ws://a.test',
    ],
  },
  CORS_ALLOWED_HEADERS: {
    accepts: [
      ['', []],
      ['baggage, sentry-trace,Authorization', ['baggage', 'sentry-trace', 'Authorization']],
    ],
    refuses: ['*', 'a b', 'a:b', 'x-ä', 'baggage,*', 'a/b', '"a"'],
  },
  TRUSTED_PROXIES: {
    accepts: [
      ['', []],
      ['loopback', ['loopback']],
      ['10.0.0.0/8, ::1, fd00::/8,192.0.2.1', ['10.0.0.0/8', '::1', 'fd00::/8', '192.0.2.1']],
    ],
    refuses: [
      '1',
      'true',
      '*',
      'proxy.test',
      '10.0.0.0/33',
      '::1/129',
      '10.0.0.0/8/8',
      '10.0.0.0/',
      '10.0.0.256',
    ],
  },
  USER_READS_PER_MINUTE: integer(0, 1_000_000),
  USER_WRITES_PER_MINUTE: integer(0, 1_000_000),
  AUTH_FAILURES_PER_MINUTE: integer(0, 1_000_000),
  POLICY_FILE: anyText,
  AUTH0_COMPAT: flag,
  DOCS: flag,
  DOCS_NOTE: anyText,
  USER_METADATA_MAX_BYTES: integer(2, 1_000_000),
  REQUIRE_IF_MATCH: flag,
  CACHE_TTL_SECONDS: integer(0, 86_400),
  CACHE_STALE_SECONDS: integer(0, 604_800),
  CACHE_STALE_IF_ERROR_SECONDS: integer(0, 604_800),
  CACHE_CLIENT_TTL_SECONDS: integer(0, 86_400),
  CACHE_ENCRYPTION_KEY: aesKey,
  CACHE_ENCRYPTION_KEY_PREVIOUS: aesKey,
  CACHE_HASH_KEY: { accepts: same('x'.repeat(16)), refuses: ['', 'x'.repeat(15), `x\n${'x'.repeat(16)}`] },
  REDIS_URL: {
    accepts: [
      ['redis://localhost', at('localhost', 6379)],
      ['redis://localhost:6379/', at('localhost', 6379)],
      [
        'rediss://user:p%40ss:w@redis.test:6380/1',
        { ...at('redis.test', 6380), database: 1, username: 'user', password: 'p@ss:w', encrypted: true },
      ],
      ['redis://:pass@[fd00::1]:6380', { ...at('fd00::1', 6380), password: 'pass' }],
      ['redis://[::1]/2', { ...at('::1', 6379), database: 2 }],
      [
        'redis+sentinel://a.test:26380,b.test,[::1]:26381/main/3',
        {
          ...at('a.test', 26_380),
          topology: 'sentinel',
          nodes: [
            { host: 'a.test', port: 26_380 },
            { host: 'b.test', port: 26_379 },
            { host: '::1', port: 26_381 },
          ],
          masterName: 'main',
          database: 3,
        },
      ],
      [
        'rediss+cluster://user:pass@a.test:7000,b.test',
        {
          ...at('a.test', 7000),
          topology: 'cluster',
          nodes: [
            { host: 'a.test', port: 7000 },
            { host: 'b.test', port: 6379 },
          ],
          username: 'user',
          password: 'pass',
          encrypted: true,
        },
      ],
    ],
    refuses: [
      '',
      'localhost:6379',
      'http://redis.test',
      'redis.test',
      'redis://',
      'redis://redis.test:0',
      'redis://redis.test:65536',
      'redis://redis.test/abc',
      'redis://redis.test/0/1',
      'redis://redis.test?tls=true',
      'redis://redis.test#x',
      'redis://:p%ss@redis.test',
      'redis://::1',
      'redis://[redis.test]',
      'redis://a.test,b.test',
      'redis+sentinel://a.test',
      'redis+sentinel://a.test/main/abc',
      'redis+cluster://a.test/0',
      'redis+tls://a.test',
    ],
  },
  REDIS_CA_FILE: anyText,
  REDIS_CERT_FILE: anyText,
  REDIS_KEY_FILE: anyText,
  REDIS_TIMEOUT_MS: integer(50, 10_000),
  WRITE_WITHOUT_LOCK: { accepts: same('allow', 'refuse'), refuses: ['', 'true', 'ALLOW'] },
  UPSTREAM_BUDGET: {
    accepts: [
      ...same('free', 'self-service', 'enterprise-nonprod', 'enterprise'),
      ['10/2', { burst: 10, perSecond: 2 }],
      ['1/0.5', { burst: 1, perSecond: 0.5 }],
      ['50/12.5', { burst: 50, perSecond: 12.5 }],
    ],
    refuses: ['', 'premium', '10/0.5.25', '10/2/2', '10/2 ', '10', '10/', '/2', '-1/2', '10/0', '0/10'],
  },
  UPSTREAM_WAIT_MS: integer(0, 60_000),
  UPSTREAM_TIMEOUT_MS: integer(50, 60_000),
  UPSTREAM_PROXY_URL: {
    accepts: same(
      'http://proxy.test:3128',
      'https://proxy.test',
      'http://user:p%40ss@10.0.0.1:8080/',
      'http://[::1]:3128',
    ),
    refuses: [
      '',
      'proxy.test:3128',
      'socks5://proxy.test:1080',
      'http://proxy.test/path',
      'http://proxy.test?x=1',
      'http://proxy.test#x',
      'http://user:100%@proxy.test',
      'http://proxy.test:99999',
    ],
  },
  LEAST_PRIVILEGE: { accepts: same('warn', 'enforce'), refuses: ['', 'true', 'ENFORCE'] },
  LOG_LEVEL: {
    accepts: same('debug', 'info', 'warn', 'error', 'silent'),
    refuses: ['', 'INFO', 'trace', 'fatal'],
  },
  AUDIT_LOG: {
    accepts: [
      ...same('stdout', 'off'),
      ['/var/log/metadata-bff/audit.log', { path: '/var/log/metadata-bff/audit.log' }],
      ['./audit.log', { path: './audit.log' }],
    ],
    refuses: ['', 'stdut', 'file', 'STDOUT', 'true', '/var/log/', '/'],
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: collector,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collector,
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    accepts: same('http/json', 'http/protobuf'),
    refuses: ['', 'grpc', 'http'],
  },
  OTEL_SDK_DISABLED: otelFlag,
  OTEL_SERVICE_NAME: anyText,
  OTEL_TRACES_EXPORTER: {
    accepts: [...same('otlp', 'none'), ['OTLP', 'otlp']],
    refuses: ['', 'jaeger', 'console', 'otlp,console'],
  },
  OTEL_TRACES_SAMPLER: {
    accepts: [
      ...same('always_on', 'always_off', 'traceidratio', 'parentbased_traceidratio'),
      ['ALWAYS_ON', 'always_on'],
    ],
    refuses: ['', 'xray', 'jaeger_remote', 'parentbased_'],
  },
  OTEL_TRACES_SAMPLER_ARG: {
    accepts: [
      ['0', 0],
      ['1', 1],
      ['0.25', 0.25],
      ['.5', 0.5],
      ['1.0', 1],
      ['1e-3', 0.001],
    ],
    refuses: ['', ' ', '1.5', '-1', '2', 'half', 'NaN', 'Infinity'],
  },
};

const variables = Object.entries<Variable<unknown>>(VARIABLES);

describe.each(Object.entries(RULES))('%s', (name, { accepts, refuses }) => {
  const schema = variables.find(([known]) => known === name)?.[1].schema;

  test.each(accepts.map(([text, value]) => ({ text, value })))(`${name} accepts $text`, ({ text, value }) => {
    expect(schema?.safeParse(text)).toMatchObject({ success: true, data: value });
  });

  test(`${name} refuses invalid texts`, () => {
    for (const text of refuses) {
      const result = schema?.safeParse(text);
      expect({ text, success: result?.success }).toEqual({ text, success: false });
    }
  });
});

test.each(variables)('%s has a description of one line, and accepts its default', (_name, variable) => {
  expect(variable.description).toMatch(/^[\S ]{10,}\.$/);
  const { default: value } = variable;
  expect(value === undefined || variable.schema.safeParse(value).success).toBe(true);
  expect(variable.required !== undefined && value !== undefined).toBe(false);
});

test('every variable that holds a credential is a secret, so it can be given as a file', () => {
  const secrets = variables.flatMap(([name, { secret }]) => (secret ? [name] : []));
  expect(secrets).toEqual(
    variables
      .map(([name]) => name)
      .filter((name) => /SECRET|ENCRYPTION_KEY|HASH_KEY|REDIS_URL|PROXY_URL/.test(name)),
  );
});
