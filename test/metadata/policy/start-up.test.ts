/** Policies and schemas that the service refuses to start with, and what it says about them. */
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { loadConfig } from '../../../config/load.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { createSchemaRules } from '../../../src/metadata/schema-rules.ts';
import { parseObject } from '../../support/json.ts';
import { startService } from '../../support/service.ts';

const own = (name: string) => readFileSync(new URL(`../../../config/${name}`, import.meta.url), 'utf8');

/** What the operator reads when the service cannot start with this schema; '' where it can. */
async function complaint(schema: unknown): Promise<string> {
  try {
    const { url } = await startService({ policy: { userMetadata: { schema } }, awaitReady: false });
    return (await fetch(`${url}/schemas/user-metadata`)).ok ? '' : 'does not answer its schema';
  } catch (error) {
    return error instanceof Error ? error.message : 'threw something else';
  }
}

const property = (rule: JsonObject): JsonObject => ({ type: 'object', properties: { a: rule } });

describe('a schema is refused at the start', () => {
  test.each<[string, unknown, RegExp]>([
    ['that is invalid', property({ type: 'strng' }), /properties\/a\/type|strng/],
    ['with a rule of the wrong type', property({ type: 'string', maxLength: '3' }), /maxLength/],
    ['with a keyword that does not exist', property({ type: 'string', maxLenght: 3 }), /maxLenght/],
    ['with an annotation that does not begin with x-', property({ type: 'string', label: 'A' }), /label/],
    [
      'with a reference to another document',
      property({ $ref: 'https://example.com/a.json' }),
      /properties\/a\/\$ref/,
    ],
    ['with a reference to a file', property({ $ref: 'other.json#/a' }), /properties\/a\/\$ref/],
    [
      'with a dynamic reference elsewhere',
      property({ $dynamicRef: 'other#a' }),
      /properties\/a\/\$dynamicRef/,
    ],
    ['of another draft', { $schema: 'http://json-schema.org/draft-07/schema#' }, /\$schema/],
    [
      'that asks for itself at the same place',
      property({ $ref: '#/properties/a' }),
      /properties\/a: refers to itself/,
    ],
    [
      'with a dynamic reference whose meaning depends on the path',
      {
        properties: { a: { $dynamicRef: '#t' } },
        $defs: { t: { $dynamicAnchor: 't' }, other: { $id: 'other', $dynamicAnchor: 't' } },
      },
      /properties\/a\/\$dynamicRef: several schemas have the dynamic anchor "t"/,
    ],
    [
      'with two equal anchors',
      { $defs: { a: { $anchor: 'x' }, b: { $anchor: 'x' } } },
      /\$defs\/b\/\$anchor/,
    ],
    [
      'with readOnly below not',
      property({ not: { readOnly: true } }),
      /properties\/a\/not\/readOnly: cannot be enforced/,
    ],
    [
      'with readOnly below propertyNames',
      { propertyNames: { anyOf: [{ readOnly: true }] } },
      /propertyNames\/anyOf\/0\/readOnly: cannot be enforced/,
    ],
    [
      'with a keyword of another draft',
      property({ additionalItems: false }),
      /properties\/a\/additionalItems/,
    ],
    ['with a reference to what is no schema', property({ $ref: '#/title' }), /properties\/a\/\$ref/],
    ['with a reference to nothing', property({ $ref: '#/$defs/none' }), /#\/\$defs\/none/],
    [
      'with a back-reference',
      property({ type: 'string', pattern: String.raw`(a)\1` }),
      /properties\/a\/pattern: .*\(a\).* uses a back-reference/,
    ],
    ['with look-ahead', property({ type: 'string', pattern: '^(?=a)' }), /"\^\(\?=a\)" uses look-ahead/],
    ['with look-behind', property({ type: 'string', pattern: '(?<=a)b' }), /"\(\?<=a\)b" uses look-behind/],
    ['with a pattern that is none', property({ type: 'string', pattern: '(' }), /"\("/],
    ['with such a pattern for names', { type: 'object', patternProperties: { '(?!a)': {} } }, /\(\?!a\)/],
  ])('%s, naming the member', async (_name, schema, named) => {
    const message = await complaint(schema);
    expect(message).toMatch(/^userMetadata\.schema/);
    expect(message).toMatch(named);
    expect(message).not.toMatch(/\n\s+at |node_modules|\.ts:\d|\[object Object\]/);
  });
});

test('a policy whose parts contradict each other is refused at the start', async () => {
  const schema = { properties: { theme: {}, at: { 'x-stamp': { source: '/theme', value: 'now' } } } };
  const clients = { app: { readable: ['at'] } };
  const start = (env: Record<string, string>) =>
    startService({ policy: { userMetadata: { schema }, clients }, env, awaitReady: false });
  await expect(start({ ALLOWED_CLIENTS: 'app' })).rejects.toThrow(/may change the source \/theme/);
  await expect(start({ ALLOWED_CLIENTS: 'app,other' })).resolves.toBeDefined();
});

describe('a schema is taken', () => {
  test.each<[string, unknown]>([
    [
      'with annotations of the operator',
      { ...property({ type: 'string', 'x-label': 'A', 'x-order': 1 }), 'x-form': {} },
    ],
    [
      'with the annotations of the standard',
      property({
        type: 'string',
        title: 'A',
        description: 'b',
        default: 'c',
        examples: ['d'],
        deprecated: true,
        writeOnly: false,
        $comment: 'e',
      }),
    ],
    [
      'with a property that is named like an annotation',
      property({ type: 'object', properties: { 'x-a b': { type: 'string' } } }),
    ],
    [
      'with a property that is named $ref',
      property({ type: 'object', properties: { $ref: { type: 'string' } } }),
    ],
    ['without a type at the root', { properties: { a: { type: 'string' } } }],
    ['with a union of types', property({ type: ['string', 'number'] })],
    ['with a tuple', property({ type: 'array', prefixItems: [{ type: 'string' }], items: false })],
    [
      'with an anchor',
      { ...property({ $ref: '#name' }), $defs: { name: { $anchor: 'name', type: 'string' } } },
    ],
    ['that refers to itself', property({ $ref: '#' })],
    ['that allows everything', {}],
    ['with if alone', property({ if: { type: 'string' } })],
    ['with minContains 0', property({ type: 'array', contains: { type: 'string' }, minContains: 0 })],
    [
      'with a property that a pattern matches as well',
      {
        type: 'object',
        properties: { n_a: { minimum: 1 } },
        patternProperties: { '^n_': { type: 'number' } },
      },
    ],
    [
      'with escapes of ECMA-262',
      property({ type: 'string', pattern: '^[\\u00C0-\\u017F\\p{Script=Greek}]+[^]\\cA$' }),
    ],
    ['with $dynamicRef', { properties: { a: { $dynamicRef: '#t' } }, $defs: { t: { $dynamicAnchor: 't' } } }],
    [
      'with a schema in it that has an address',
      {
        properties: { a: { $ref: 'https://example.com/a' } },
        $defs: { a: { $id: 'https://example.com/a' } },
      },
    ],
    [
      'with definitions of older drafts',
      { properties: { a: { $ref: '#/definitions/a' } }, definitions: { a: {} } },
    ],
    ['that comes with the service', JSON.parse(own('user-metadata.schema.json'))],
  ])('%s', async (_name, schema) => {
    expect(await complaint(schema)).toBe('');
  });

  test('from a file that the policy names, relative to it', async () => {
    const { url } = await startService({
      policy: { userMetadata: { schema: './user-metadata.schema.json' } },
      awaitReady: false,
    });
    const response = await fetch(`${url}/schemas/user-metadata`);
    expect(await response.json()).toEqual(JSON.parse(own('user-metadata.schema.json')));
  });
});

describe('what has no effect in a schema is a warning', () => {
  test.each<[string, JsonObject, string]>([
    [
      'a format that is not checked',
      property({ format: 'idn-email' }),
      '/properties/a/format: the format "idn-email" is not checked here',
    ],
    [
      'a format of the operator',
      property({ format: 'postcode' }),
      '/properties/a/format: the format "postcode" is not checked here',
    ],
    [
      'minContains alone',
      property({ minContains: 1 }),
      '/properties/a/minContains: has no effect without contains',
    ],
    [
      'then alone',
      JSON.parse('{"properties":{"a":{"then":{}}}}'),
      '/properties/a/then: has no effect without if',
    ],
  ])('%s', (_name, schema, warning) => {
    expect(createSchemaRules(schema).warnings).toEqual([`userMetadata.schema${warning}`]);
  });

  test('that the service writes into its log', async () => {
    const schema = property({ type: 'string', format: 'tel' });
    const { logLines } = await startService({ policy: { userMetadata: { schema } }, awaitReady: false });
    const [warning, ...others] = logLines.map(parseObject).filter(({ event }) => event === 'schema_warning');
    expect(others).toEqual([]);
    expect(JSON.stringify(warning)).toContain(
      '/properties/a/format: the format \\"tel\\" is not checked here',
    );
  });

  test('and nothing else is', () => {
    expect(createSchemaRules(JSON.parse(own('user-metadata.schema.json'))).warnings).toEqual([]);
  });
});

describe('the policy file', () => {
  const complete = {
    AUDIENCE: 'https://api.test',
    AUTH0_DOMAIN: 'tenant.example.auth0.com',
    AUTH0_CLIENT_ID: 'client',
    AUTH0_CLIENT_SECRET: 'secret',
    POLICY_FILE: '/etc/policy.json',
  };
  const load = (content: string | undefined, env: Readonly<Record<string, string>> = {}) =>
    loadConfig({ ...complete, ...env }, () => {
      if (content === undefined) throw new Error('EACCES');
      return content;
    });

  test('all errors of the policy are reported at once, with those of the environment', () => {
    const policy = {
      scopes: { readMetadata: '', writeMetadata: 'x' },
      limits: { keys: '5', depth: 1000 },
      userMetadata: { schema: 7 },
      appMetadata: { readable: [1] },
      clients: { app: { readable: ['a'], writable: ['a', 'b'] }, other: { visible: [] } },
      colour: 'blue',
    };
    const told = new Set<string>();
    try {
      load(JSON.stringify(policy), { PORT: 'none', CACHE_TTL: '1' });
    } catch (error) {
      for (const line of String(error).split('\n')) told.add(line.trim().split(': ').slice(0, 2).join(': '));
    }
    const places = [
      'scopes',
      'scopes.readMetadata',
      'limits.keys',
      'limits.depth',
      'userMetadata.schema',
      'appMetadata.readable.0',
      'clients.app',
      'clients.other',
      'the file',
    ];
    for (const place of places) expect(told).toContain(`- POLICY_FILE: ${place}`);
    expect(told).toContain('- CACHE_TTL: unknown variable; did you mean CACHE_TTL_SECONDS?');
    expect([...told].filter((line) => line.startsWith('- PORT'))).toHaveLength(1);
  });

  test.each([
    ['cannot be read', undefined],
    ['is not valid JSON', '{"scopes":'],
    ['is empty', ''],
  ])('a file that %s is one error without a stack', (_name, content) => {
    expect(() => load(content)).toThrow(/^1 configuration error:\n  - POLICY_FILE: the file [^\n]+$/);
  });
});
