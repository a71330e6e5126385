import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { policyJsonSchema } from '../../config/policy.ts';
import { faultsOf, load } from './environment.ts';

const own = (name: string) => readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8');
const policyOf = (policy: unknown, files: Readonly<Record<string, string>> = {}) =>
  load({ POLICY_FILE: '/etc/policy.json' }, { '/etc/policy.json': JSON.stringify(policy), ...files }).policy;
const faultsIn = (policy: unknown, files: Readonly<Record<string, string>> = {}) =>
  faultsOf({ POLICY_FILE: '/etc/policy.json' }, { '/etc/policy.json': JSON.stringify(policy), ...files });

test('the policy that comes with the service is what an empty one means', () => {
  expect(load({}, { 'config/policy.json': own('policy.json') }).policy).toEqual(load().policy);
});

test('the JSON Schema for editors is the one of the schema that checks', () => {
  expect(JSON.parse(own('policy.schema.json'))).toEqual(JSON.parse(JSON.stringify(policyJsonSchema())));
});

describe('the schema of the metadata', () => {
  const schema = { type: 'object', properties: { theme: { enum: ['dark', 'light'] } } };

  test('stands in the policy, or in a file beside it', () => {
    const named = { userMetadata: { schema: './user.json' } };
    expect(policyOf({ userMetadata: { schema } }).userMetadata.schema).toEqual(schema);
    expect(policyOf(named, { '/etc/user.json': JSON.stringify(schema) }).userMetadata.schema).toEqual(schema);
  });

  test.each([
    ['is missing', {}],
    ['is no JSON', { '/etc/user.json': '{' }],
    ['is no object', { '/etc/user.json': '[]' }],
  ])('is a fault of the policy when its file %s', (_what, files) => {
    const faults = faultsIn({ userMetadata: { schema: 'user.json' } }, files);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.filter((fault) => !fault.startsWith('POLICY_FILE: userMetadata.schema: '))).toEqual([]);
  });
});

describe('a policy', () => {
  test.each<[string, unknown]>([
    ['limits.keys', { limits: { keys: 0 } }],
    ['scopes.readMetadata', { scopes: { readMetadata: 'two words' } }],
    ['appMetadata.readable', { appMetadata: { readable: 'plan' } }],
    ['clients.app', { clients: { app: { readable: ['a'], writable: ['b'] } } }],
    ['the file', { userMetdata: {} }],
    ['the file', []],
  ])('with a fault in %s names the place', (place, policy) => {
    const faults = faultsIn(policy);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`POLICY_FILE: ${place}: `);
  });

  test('that is no JSON, or cannot be read, is one fault', () => {
    expect(faultsOf({ POLICY_FILE: '/p' }, { '/p': '{' })).toEqual([
      'POLICY_FILE: the file is not valid JSON',
    ]);
    expect(faultsOf({ POLICY_FILE: '/p' })).toEqual(['POLICY_FILE: the file cannot be read']);
  });

  test('may let an application change less than it reads', () => {
    const { clients } = policyOf({ clients: { app: { readable: ['a', 'b'], writable: ['a'] } } });
    expect(clients).toEqual({ app: { readable: ['a', 'b'], writable: ['a'] } });
  });
});
