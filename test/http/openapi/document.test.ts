import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { PROBLEMS } from '../../../src/http/errors.ts';
import { openScene } from '../../support/scene.ts';
import type { ServiceOptions } from '../../support/service.ts';
import { asNode, type Node, nodesOf, openContract, resolve } from './contract.ts';

const TREE = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://operator.example.com/tree',
  type: 'object',
  $defs: { level: { enum: ['low', 'high'] }, default: { const: { $ref: '#/data' } } },
  properties: {
    level: { $ref: '#/$defs/level' },
    marker: { $ref: '#/$defs/default' },
    children: { type: 'array', items: { $ref: '#' } },
  },
  additionalProperties: false,
};

async function documentWith(options: ServiceOptions): Promise<Node> {
  const { service } = await openScene(options);
  return (await openContract(service)).document;
}

const document = await documentWith({ env: { AUTH0_COMPAT: 'true', REQUIRE_IF_MATCH: 'true' } });
const plain = await documentWith({});
const noted = await documentWith({ env: { DOCS_NOTE: 'Ask *the platform team* for a token.' } });
const renamed = await documentWith({ policy: { scopes: { readMetadata: 'profile:read' } } });
const strict = await documentWith({ policy: { userMetadata: { schema: TREE } } });

/** Codes that answer no operation: no resource, no method, or no request was found. */
const OF_NO_OPERATION = new Set(['method_not_allowed', 'headers_too_large']);

test('every error code belongs to an operation, or to none for a reason', () => {
  const described = [...nodesOf(asNode(document['components'])['responses'])].flatMap(([pointer, node]) =>
    pointer.endsWith('/examples') ? Object.keys(node) : [],
  );
  const expected = Object.keys(PROBLEMS).filter((code) => !OF_NO_OPERATION.has(code));
  expect([...new Set(described)].toSorted()).toEqual(expected.toSorted());
});

test('a missing precondition is described where one is required only', () => {
  const responses = asNode(asNode(plain['components'])['responses']);
  expect(Object.keys(responses)).toContain('PreconditionFailed');
  expect(Object.keys(responses)).not.toContain('PreconditionRequired');
  expect(resolve(document, '#/paths/~1me~1metadata/put/responses/428').pointer).toBe(
    '#/components/responses/PreconditionRequired',
  );
});

test('every error is a component that all operations share', () => {
  const answers = [...nodesOf(document['paths'], '#/paths')].filter(([pointer]) =>
    /\/responses\/[45]\d\d$/.test(pointer),
  );
  expect(answers.length).toBeGreaterThan(50);
  const places = answers.map(([pointer, { $ref }]) => {
    const status = pointer.slice(-3);
    const format = pointer.includes('users') && status !== '421' ? 'auth0' : 'problem';
    return `${format} ${status} ${String($ref)}`;
  });
  const references = answers.map(([, { $ref }]) => $ref);
  expect(new Set(places).size).toBe(new Set(references).size);
  expect(references).not.toContain(undefined);
});

test('no error repeats a header that every error has, and the introduction names these', () => {
  const responses = asNode(asNode(document['components'])['responses']);
  const headers = Object.values(responses).flatMap((answer) =>
    Object.keys(asNode(asNode(answer)['headers'])),
  );
  expect(headers).toContain('Retry-After');
  const introduction = String(asNode(document['info'])['description']);
  for (const name of ['Cache-Control', 'Vary', 'X-Request-Id', 'RateLimit', 'RateLimit-Policy']) {
    expect(headers).not.toContain(name);
    expect(introduction).toContain(`\`${name}`);
  }
});

test('every operation has a summary of one sentence, and says what it refuses', () => {
  const operations = [...nodesOf(document['paths'])].filter(([, node]) => 'operationId' in node);
  expect(operations.length).toBeGreaterThan(15);
  for (const [, { summary, description }] of operations) {
    expect(summary).toMatch(/^[A-Z][^.]+[^.]$/);
    expect(description).toMatch(/^\S[\s\S]+\.$/);
  }
  const { node } = resolve(document, '#/paths/~1me~1metadata~1{key}/get');
  expect(node['description']).toContain('`key_not_found` (404)');
});

test('every reference leads somewhere', () => {
  const references = [...nodesOf(document)].flatMap(([, { $ref }]) =>
    typeof $ref === 'string' ? [$ref] : [],
  );
  expect(references.length).toBeGreaterThan(50);
  for (const reference of references) expect(() => resolve(document, reference)).not.toThrow();
});

test('the description opens with the words of the operator, if there are any', () => {
  const introduction = asNode(plain['info'])['description'];
  expect(asNode(noted['info'])['description']).toBe(
    `Ask *the platform team* for a token.\n\n${String(introduction)}`,
  );
});

test('the names of scopes are those of the policy', () => {
  const { node } = resolve(renamed, '#/paths/~1me~1metadata/get');
  expect(node['security']).toEqual([
    { oauth2: ['profile:read'] },
    { bearer: ['profile:read'] },
    { dpop: ['profile:read'] },
  ]);
  expect(JSON.stringify(renamed)).not.toContain('"read:metadata"');
});

test('without a schema of the operator, metadata is any object', () => {
  const { node } = resolve(document, '#/components/schemas/UserMetadata');
  expect(node).toEqual({ type: 'object', description: expect.any(String), additionalProperties: true });
});

test('the operator’s schema still means the same where it stands in the document', () => {
  const ajv = new Ajv2020({ strict: false });
  const original = ajv.compile(TREE);
  ajv.addSchema({ ...strict, $id: 'https://openapi.example.com/' });
  const embedded = ajv.compile({ $ref: 'https://openapi.example.com/#/components/schemas/UserMetadata' });
  const samples = [
    {},
    { level: 'low' },
    { level: 'other' },
    { children: [{ level: 'high' }, { children: [] }] },
    { children: [{ children: [{ level: 'other' }] }] },
    { marker: { $ref: '#/data' } },
    { marker: {} },
  ];
  expect(samples.map((sample) => embedded(sample))).toEqual([true, true, false, true, false, true, false]);
  expect(samples.map((sample) => embedded(sample))).toEqual(samples.map((sample) => original(sample)));
});
