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
