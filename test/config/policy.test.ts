import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { getPolicyJsonSchema } from '../../config/policy.ts';
import { getErrors, load } from './environment.ts';

const own = (name: string) => readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8');
const loadPolicy = (policy: unknown, files: Readonly<Record<string, string>> = {}) =>
  load({ POLICY_FILE: '/etc/policy.json' }, { '/etc/policy.json': JSON.stringify(policy), ...files }).policy;
const getPolicyErrors = (policy: unknown, files: Readonly<Record<string, string>> = {}) =>
  getErrors({ POLICY_FILE: '/etc/policy.json' }, { '/etc/policy.json': JSON.stringify(policy), ...files });

test('the policy file of the service means the same as an empty one', () => {
  expect(load({}, { 'config/policy.json': own('policy.json') }).policy).toEqual(load().policy);
});

test('policy.schema.json is the JSON Schema of the schema that validates policies', () => {
  expect(JSON.parse(own('policy.schema.json'))).toEqual(JSON.parse(JSON.stringify(getPolicyJsonSchema())));
});

describe('the schema of user_metadata', () => {
  const schema = { type: 'object', properties: { theme: { enum: ['dark', 'light'] } } };

  test('the schema is read from the policy, or from a file that the policy names relative to itself', () => {
    const named = { userMetadata: { schema: './user.json' } };
    expect(loadPolicy({ userMetadata: { schema } }).userMetadata.schema).toEqual(schema);
    expect(loadPolicy(named, { '/etc/user.json': JSON.stringify(schema) }).userMetadata.schema).toEqual(
      schema,
    );
  });

  test.each([
    ['is missing', {}],
    ['is not JSON', { '/etc/user.json': '{' }],
    ['is not a JSON object', { '/etc/user.json': '[]' }],
  ])('a schema file that %s is an error of the policy', (_what, files) => {
    const errors = getPolicyErrors({ userMetadata: { schema: 'user.json' } }, files);
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.filter((error) => !error.startsWith('POLICY_FILE: userMetadata.schema: '))).toEqual([]);
  });
});

describe('the policy file', () => {
  test.each<[string, unknown]>([
    ['limits.keys', { limits: { keys: 0 } }],
    ['scopes.readMetadata', { scopes: { readMetadata: 'two words' } }],
    ['appMetadata.readable', { appMetadata: { readable: 'plan' } }],
    ['clients.app', { clients: { app: { readable: ['a'], writable: ['b'] } } }],
    ['the file', { userMetdata: {} }],
    ['the file', []],
  ])('an error in %s is reported once, with its place', (place, policy) => {
    const errors = getPolicyErrors(policy);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(`POLICY_FILE: ${place}: `);
  });

  test('a policy file that is not JSON, or cannot be read, is one error', () => {
    expect(getErrors({ POLICY_FILE: '/p' }, { '/p': '{' })).toEqual([
      'POLICY_FILE: the file is not valid JSON',
    ]);
    expect(getErrors({ POLICY_FILE: '/p' })).toEqual(['POLICY_FILE: the file cannot be read']);
  });

  test('an application may be allowed to change fewer keys than it reads', () => {
    const { clients } = loadPolicy({ clients: { app: { readable: ['a', 'b'], writable: ['a'] } } });
    expect(clients).toEqual({ app: { readable: ['a', 'b'], writable: ['a'] } });
  });
});

const claimsOf = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`https://a.example/${index}`, '/user_metadata/a']),
  );

describe('the claims that mirror stored values', () => {
  const NAME = 'https://app.example.com/language';

  test('claims are by default none, and otherwise those of the file', () => {
    expect(loadPolicy({}).claims).toEqual({});
    const claims = {
      [NAME]: '/user_metadata/language',
      'https://app.example.com:8443/plan': '/app_metadata/a~1b/~0/0',
      'https://example.org': '/user_metadata/notifications/email',
    };
    expect(loadPolicy({ claims, appMetadata: { readable: ['a/b'] } }).claims).toEqual(claims);
  });

  test.each([
    ['reserved', 'sub'],
    ['reserved', 'permissions'],
    ['not a namespace', 'language'],
    ['not https', 'http://app.example.com/language'],
    ['below a domain of Auth0', 'https://tenant.eu.Auth0.com/language'],
    ['a domain of Auth0', 'https://auth0.com'],
    ['below a domain of Auth0 that runs code', 'https://x.webtask.io:443/a'],
    ['without a host', 'https:///language'],
    ['not ASCII', 'https://app.example.com/größe'],
    ['no string of a structured field', 'https://app.example.com/"'],
    ['longer than a header can hold many of', `https://app.example.com/${'a'.repeat(200)}`],
  ])('a claim name that is %s is refused: %s', (_what, name) => {
    expect(getPolicyErrors({ claims: { [name]: '/user_metadata/a' } })).toEqual([
      expect.stringContaining(`POLICY_FILE: claims.${name}: must be an https address of your own`),
    ]);
  });

  test.each([
    '',
    '/',
    'user_metadata/a',
    '/user_metadata',
    '/user_metadata/',
    '/sub',
    '/user_metadata/a~2',
    7,
  ])('a pointer that leads to no key of the metadata is refused: %j', (pointer) => {
    const errors = getPolicyErrors({ claims: { [NAME]: pointer } });
    expect(errors).toEqual([expect.stringContaining(`POLICY_FILE: claims.${NAME}: `)]);
  });

  test('a claim of app_metadata that the service does not read is refused', () => {
    const policy = { claims: { [NAME]: '/app_metadata/plan' }, appMetadata: { readable: ['roles'] } };
    expect(getPolicyErrors(policy)).toEqual([
      `POLICY_FILE: claims.${NAME}: must name a key of app_metadata that appMetadata.readable lists`,
    ]);
  });

  test('more claims than one header can name are refused', () => {
    expect(Object.keys(loadPolicy({ claims: claimsOf(20) }).claims)).toHaveLength(20);
    expect(getPolicyErrors({ claims: claimsOf(21) })).toEqual(['POLICY_FILE: claims: at most 20 claims']);
  });
});
