/** Parts of a policy that contradict each other, and those that only seem to. */
import { describe, expect, test } from '@jest/globals';
import { composePolicyRules } from '../../src/composition/policy-rules.ts';
import { load } from '../config/environment.ts';

/** What the operator reads; '' where nothing is wrong. */
function complaint(policy: unknown, env: Readonly<Record<string, string>> = {}): string {
  const files = { '/etc/policy.json': JSON.stringify(policy) };
  try {
    composePolicyRules(load({ POLICY_FILE: '/etc/policy.json', ...env }, files));
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : 'threw something else';
  }
}

const stamped = {
  type: 'object',
  properties: {
    plan: { type: 'string' },
    chosen_at: { type: 'string', 'x-stamp': { source: '/plan', value: 'now' } },
  },
};
const BOTH = { ALLOWED_CLIENTS: 'app-a,app-b' };

describe('a stamp is refused', () => {
  test.each<[string, unknown]>([
    ['may read its source and not change it', { readable: ['plan'], writable: [] }],
    ['may not read its source', { readable: ['chosen_at'] }],
    ['may change other keys alone', { writable: ['chosen_at'] }],
  ])('if every application that may call %s', (_what, narrowed) => {
    const clients = { 'app-a': narrowed, 'app-b': narrowed };
    expect(complaint({ userMetadata: { schema: stamped }, clients }, BOTH)).toBe(
      'userMetadata.schema/properties/chosen_at/x-stamp: no application of ALLOWED_CLIENTS may change the source ' +
        '/plan, because of clients',
    );
  });
});

describe('a stamp is taken', () => {
  const hidden = { readable: ['chosen_at'] };

  test.each<[string, unknown, Readonly<Record<string, string>>]>([
    ['if one application may change its source', { 'app-a': hidden, 'app-b': { readable: ['plan'] } }, BOTH],
    ['if an application that may call is not narrowed', { 'app-a': hidden }, BOTH],
    ['if any application may call', { 'app-a': hidden, 'app-b': hidden }, {}],
    ['if an application sees the source and not the stamp', { 'app-a': { readable: ['plan'] } }, BOTH],
  ])('%s', (_name, clients, env) => {
    expect(complaint({ userMetadata: { schema: stamped }, clients }, env)).toBe('');
  });

  test('whatever single scopes open, because the general scope opens every key', () => {
    const scopedKeys = { 'update:chosen': { writable: ['chosen_at'] } };
    expect(complaint({ userMetadata: { schema: stamped }, scopedKeys }, BOTH)).toBe('');
  });
});

describe('keys that the policy names', () => {
  const closed = {
    type: 'object',
    properties: {
      theme: { type: 'string' },
      address: { properties: { city: {} }, additionalProperties: false },
    },
    patternProperties: { '^x_': {} },
    additionalProperties: false,
  };
  const CLAIM = 'https://app.example.com/claim';

  test.each<[string, unknown, string]>([
    ['an application may read', { clients: { app: { readable: ['thme'] } } }, 'clients.app: … /thme'],
    ['an application may change', { clients: { app: { writable: ['thme'] } } }, 'clients.app: … /thme'],
    ['a scope opens', { scopedKeys: { 'read:x': { readable: ['a/b'] } } }, 'scopedKeys.read:x: … /a~1b'],
    ['a claim mirrors', { claims: { [CLAIM]: '/user_metadata/plan' } }, `claims.${CLAIM}: … /plan`],
    [
      'a claim mirrors at depth',
      { claims: { [CLAIM]: '/user_metadata/theme/x' } },
      `claims.${CLAIM}: … /theme/x`,
    ],
    [
      'a claim mirrors in a closed object',
      { claims: { [CLAIM]: '/user_metadata/address/zip' } },
      `claims.${CLAIM}: … /address/zip`,
    ],
  ])('are refused if a closed schema excludes what %s', (_what, policy, expected) => {
    const message = complaint({ userMetadata: { schema: closed }, ...Object(policy) });
    expect(message).toBe(expected.replace('…', 'userMetadata.schema allows no value at'));
  });

  test('are all named at once, each once', () => {
    const policy = {
      userMetadata: { schema: closed },
      clients: { app: { readable: ['a', 'theme'], writable: ['a'] } },
      scopedKeys: { 'update:b': { writable: ['b'] } },
    };
    expect(complaint(policy).split('; ')).toEqual([
      'clients.app: userMetadata.schema allows no value at /a',
      'scopedKeys.update:b: userMetadata.schema allows no value at /b',
    ]);
  });

  test.each<[string, unknown]>([
    ['the schema names them', closed],
    ['the schema is open', { properties: {} }],
    ['there is no schema', undefined],
  ])('are taken if %s', (_what, schema) => {
    const policy = {
      userMetadata: { schema },
      appMetadata: { readable: ['plan'] },
      clients: { app: { readable: ['theme', 'x_1'], writable: ['theme'] } },
      scopedKeys: { 'read:theme': { readable: ['theme'] } },
      claims: { [CLAIM]: '/user_metadata/address/city', [`${CLAIM}2`]: '/app_metadata/plan' },
    };
    expect(complaint(policy)).toBe('');
  });
});
