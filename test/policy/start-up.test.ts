/** Policies and schemas that the service refuses to start with, and what it says about them. */
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { loadConfig } from '../../config/load.ts';
import { policyJsonSchema } from '../../config/policy.ts';
import { startService } from '../support/service.ts';

const own = (name: string) => readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8');

/** What the operator reads when the service cannot start with this schema; '' where it can. */
async function complaint(schema: unknown): Promise<string> {
  try {
    const { url } = await startService({ policy: { userMetadata: { schema } }, awaitReady: false });
    return (await fetch(`${url}/schemas/user-metadata`)).ok ? '' : 'does not answer its schema';
  } catch (error) {
    return error instanceof Error ? error.message : 'threw something else';
  }
}

const property = (rule: unknown) => ({ type: 'object', properties: { a: rule } });

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
    ['with a reference to nothing', property({ $ref: '#/$defs/none' }), /#\/\$defs\/none/],
    ['with a back-reference', property({ type: 'string', pattern: String.raw`(a)\1` }), /\(a\)/],
    ['with look-ahead', property({ type: 'string', pattern: '^(?=a)' }), /\(\?=a\)/],
    ['with look-behind', property({ type: 'string', pattern: '(?<=a)b' }), /\(\?<=a\)b/],
    ['with a pattern that is none', property({ type: 'string', pattern: '(' }), /"\("/],
    ['with such a pattern for names', { type: 'object', patternProperties: { '(?!a)': {} } }, /\(\?!a\)/],
  ])('%s, naming the member', async (_name, schema, named) => {
    const message = await complaint(schema);
    expect(message).toMatch(/^userMetadata\.schema/);
    expect(message).toMatch(named);
    expect(message).not.toMatch(/\n\s+at |node_modules|\.ts:\d|\[object Object\]/);
  });
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

  test('tells all its faults at once, with those of the environment', () => {
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
  ])('%s: one fault, and no stack', (_name, content) => {
    expect(() => load(content)).toThrow(
      /^The configuration has 1 fault\(s\):\n  - POLICY_FILE: the file [^\n]+$/,
    );
  });

  test('has a JSON Schema for editors, which is the one that checks', () => {
    expect(JSON.parse(own('policy.schema.json'))).toEqual(JSON.parse(JSON.stringify(policyJsonSchema())));
  });
});
