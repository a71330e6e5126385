/** Parts of a policy that contradict each other, and those that only seem to. */
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../config/load.ts';
import { composePolicyRules, findPolicyErrors } from '../../src/composition/policy-rules.ts';
import { COMPLETE, load } from '../config/environment.ts';

function compose(policy: unknown, env: Readonly<Record<string, string>>) {
  return composePolicyRules(
    load({ POLICY_FILE: '/etc/policy.json', ...env }, { '/etc/policy.json': JSON.stringify(policy) }),
  );
}

/** What keeps the service from starting; '' where nothing does. */
function getError(policy: unknown, env: Readonly<Record<string, string>> = {}): string {
  try {
    compose(policy, env);
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
    expect(getError({ userMetadata: { schema: stamped }, clients }, BOTH)).toBe(
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
    expect(getError({ userMetadata: { schema: stamped }, clients }, env)).toBe('');
  });

  test('whatever single scopes open, because the general scope opens every key', () => {
    const scopedKeys = { 'update:chosen': { writable: ['chosen_at'] } };
    expect(getError({ userMetadata: { schema: stamped }, scopedKeys }, BOTH)).toBe('');
  });
});

test.each([
  { type: 'array' },
  { $ref: '#/$defs/list', $defs: { list: { type: ['array', 'null'] } } },
  { enum: ['a', 1] },
])('a schema that allows no object is refused: %j', (schema) => {
  expect(getError({ userMetadata: { schema } })).toBe(
    'userMetadata.schema: allows no object, which user_metadata always is',
  );
});

test.each([
  ['maxLength', { type: 'string', maxLength: 23 }],
  ['minLength', { type: 'string', minLength: 25 }],
])('a stamp of the time is refused where %s excludes it', (keyword, rule) => {
  const schema = { properties: { a: {}, at: { ...rule, 'x-stamp': { source: '/a', value: 'now' } } } };
  expect(getError({ userMetadata: { schema } })).toContain(`/properties/at/${keyword} never allows`);
});

test('a stamp of the actor is warned of where no actor may write', () => {
  const schema = {
    properties: { a: {}, by: { type: 'string', 'x-stamp': { source: '/a', value: 'actor' } } },
  };
  const getWarnings = (access: string) =>
    compose({ userMetadata: { schema }, delegation: { access } }, {}).warnings;
  expect(getWarnings('write')).toEqual([]);
  expect(getWarnings('read')).toEqual([
    'userMetadata.schema/properties/by/x-stamp: sets no actor, because delegation lets no actor write',
  ]);
});

test('everything that is wrong with a schema and its languages is named at once', () => {
  const schema = {
    properties: {
      a: { pattern: '(' },
      b: { $ref: '#/$defs/none' },
      c: { 'x-write-once': 'yes', 'x-ui': { widget: 'dial', order: 'first' } },
      d: { typ: 'string' },
      e: { 'x-stamp': { source: '/e', value: 'now' } },
      f: { not: { readOnly: true } },
    },
  };
  const places = findPolicyErrors({ schema, language: undefined, locales: {} }).map(
    (error) => /^POLICY_FILE: userMetadata\.schema\/properties(\S+): /.exec(error)?.[1] ?? error,
  );
  expect(places.toSorted()).toEqual([
    '/a/pattern',
    '/b/$ref',
    '/c/x-ui',
    '/c/x-ui',
    '/c/x-write-once',
    '/d/typ',
    '/e/x-stamp',
    '/f/not/readOnly',
  ]);
});

test('a stamp without a source that can change is named beside errors of the environment', () => {
  const policy = { userMetadata: { schema: stamped }, clients: { app: { readable: ['chosen_at'] } } };
  const start = () =>
    loadConfig(
      { ...COMPLETE, AUDIENCE: '', POLICY_FILE: 'policy.json', ALLOWED_CLIENTS: 'app' },
      () => JSON.stringify(policy),
      findPolicyErrors,
    );
  expect(start).toThrow('AUDIENCE: is required');
  expect(start).toThrow('POLICY_FILE: userMetadata.schema/properties/chosen_at/x-stamp: no application');
});

test('a wrong language is named beside a wrong schema', () => {
  const userMetadata = {
    schema: { properties: { a: { typ: 'x' } } },
    language: undefined,
    locales: { de: { properties: { b: { title: 'B' } } } },
  };
  expect(findPolicyErrors(userMetadata)).toEqual([
    expect.stringContaining('userMetadata.schema/properties/a/typ: '),
    'POLICY_FILE: userMetadata.locales.de/properties/b: the schema has no such place',
  ]);
});

test('each wrong language is named, with its place', () => {
  const locales = {
    de: { properties: { a: { title: 'A', type: 'null' } } },
    el: { properties: { a: { 'x-ui': { widget: 'dial' } } } },
    fr: { properties: { a: { title: 'A' } } },
  };
  const userMetadata = { schema: { properties: { a: { type: 'string' } } }, language: undefined, locales };
  expect(findPolicyErrors(userMetadata)).toEqual([
    expect.stringContaining('POLICY_FILE: userMetadata.locales.de/properties/a/type: may change title'),
    expect.stringContaining('POLICY_FILE: userMetadata.locales.el/properties/a/x-ui: widget must be one of'),
  ]);
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
  ])('are warned of if a closed schema excludes what %s', (_what, policy, expected) => {
    const { warnings } = compose({ userMetadata: { schema: closed }, ...Object(policy) }, {});
    expect(warnings).toEqual([expected.replace('…', 'userMetadata.schema allows no value at')]);
  });

  test('are all named, each once', () => {
    const policy = {
      userMetadata: { schema: closed },
      clients: { app: { readable: ['a', 'theme'], writable: ['a'] } },
      scopedKeys: { 'update:b': { writable: ['b'] } },
    };
    expect(compose(policy, {}).warnings).toEqual([
      'clients.app: userMetadata.schema allows no value at /a',
      'scopedKeys.update:b: userMetadata.schema allows no value at /b',
    ]);
  });

  test.each<[string, unknown]>([
    ['the schema names them', closed],
    ['the schema is open', { properties: {} }],
    ['there is no schema', undefined],
  ])('cause no warning if %s', (_what, schema) => {
    const policy = {
      userMetadata: { schema },
      appMetadata: { readable: ['plan'] },
      clients: { app: { readable: ['theme', 'x_1'], writable: ['theme'] } },
      scopedKeys: { 'read:theme': { readable: ['theme'] } },
      claims: { [CLAIM]: '/user_metadata/address/city', [`${CLAIM}2`]: '/app_metadata/plan' },
    };
    expect(compose(policy, {}).warnings).toEqual([]);
  });
});
