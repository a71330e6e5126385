/**
 * Random requests to every operation of the document, made from what it says of parameters, headers and bodies and from
 * what it does not say. Each answer must be described by the document, and none may be 500.
 * `FUZZ_RUNS=100000 npm run test:conformance -- test/conformance/openapi-fuzz` sends more, `FUZZ_SEED` others.
 */
import { expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { jsonObject, jsonValue, name } from '../metadata/json-arbitrary.ts';
import { createDevice } from '../support/dpop.ts';
import { openScene } from '../support/scene.ts';
import { APPLICATION } from '../support/tokens.ts';
import { asNode, type ContractAsk, type Node, openContract, resolve } from '../http/openapi/contract.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 1000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_121);

const SCOPES =
  'read:metadata update:metadata read:app_metadata read:client_metadata read:current_user update:current_user_metadata';
const SCHEMA = {
  type: 'object',
  properties: {
    a: { type: ['string', 'number', 'object', 'null'] },
    b: { readOnly: true },
    c: { type: 'array', items: { enum: [1, 'a', null] } },
  },
};

const scene = await openScene({
  env: { AUTH0_COMPAT: 'true', PUBLIC_HEALTH: 'true' },
  policy: {
    userMetadata: { schema: SCHEMA },
    appMetadata: { readable: ['plan'] },
    clientMetadata: { readable: ['support_email'] },
    limits: { keys: 20, depth: 5 },
  },
});
const contract = await openContract(scene.service);
const users = await Promise.all(
  [undefined, {}, { a: 'x', b: 1 }, { a: { z: { y: 1 } }, c: [1], 'z/~': null }].map((document) =>
    scene.person(document, { scope: SCOPES }),
  ),
);
const strangers = await Promise.all(
  [
    { scope: 'openid' },
    { gty: 'client-credentials' },
    { exp: 1_700_000_000 },
    { aud: 'https://other.example' },
  ].map((claims) => scene.person({}, claims)),
);
const device = await createDevice({ claims: { sub: users[2]?.user.id, scope: SCOPES } });
const proof = await device.proof(`${scene.service.url}/me/metadata`);

interface OperationCase {
  readonly method: string;
  readonly template: string;
  readonly operation: Node;
}

const operations: readonly OperationCase[] = Object.entries(contract.paths).flatMap(
  ([template, operationsOfPath]) =>
    Object.entries(operationsOfPath).flatMap(([method, operation]) => {
      const described = { method: method.toUpperCase(), template, operation: asNode(operation) };
      return method === 'get' ? [described, { ...described, method: 'HEAD' }] : [described];
    }),
);

/** What a header may hold on its way through fetch. */
const headerText = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
});
const anyText = fc
  .oneof(name, fc.string({ unit: 'binary', maxLength: 12 }))
  .filter((text) => text.isWellFormed());
/** Dots alone would be taken for a step up, by fetch itself. */
const segment = anyText.filter((text) => text !== '' && text !== '.' && text !== '..');

const tag = fc.constantFrom('*', '"x"', 'W/"x"', '"a", "b"', 'unquoted', '"', ',"x"', '');
const HEADER_VALUES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'if-match': tag,
  'if-none-match': tag,
  prefer: fc.constantFrom(
    'return=minimal',
    'return=representation',
    'respond-async, return=minimal',
    'return',
  ),
  'cache-control': fc.constantFrom('no-cache', 'no-store', 'max-age=0', 'only-if-cached'),
  accept: fc.constantFrom(
    '*/*',
    'text/html',
    'application/json;q=0',
    'text/event-stream',
    'application/*',
    'x',
  ),
  'accept-encoding': fc.constantFrom('gzip', 'identity;q=0', '*'),
  origin: fc.constantFrom('https://app.example.com', 'null'),
  range: fc.constant('bytes=0-1'),
  'if-modified-since': fc.constant('Thu, 01 Jan 2026 00:00:00 GMT'),
  'x-http-method-override': fc.constant('DELETE'),
  'content-encoding': fc.constantFrom('gzip', 'br', 'zstd', 'identity'),
};

const authorization = fc.oneof(
  { arbitrary: fc.constantFrom(...users.map(({ token }) => `Bearer ${token}`)), weight: 8 },
  { arbitrary: fc.constantFrom(...strangers.map(({ token }) => `Bearer ${token}`)), weight: 1 },
  {
    arbitrary: fc.constantFrom('', 'Bearer', 'Bearer a.b.c', 'Basic eDp5', `DPoP ${device.token}`),
    weight: 1,
  },
);

const patchOperation = fc.record(
  {
    op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'other'),
    path: fc.constantFrom('', '/a', '/b', '/c/0', '/c/-', '/a/z/y', '/z~1~0', '/~2', 'a', '/__proto__/x'),
    from: fc.constantFrom('', '/a', '/c', '/a/z', '/missing'),
    value: jsonValue,
  },
  { requiredKeys: ['op'] },
);

const jsonText = fc
  .oneof(
    jsonObject,
    jsonValue,
    fc.array(patchOperation, { maxLength: 5 }),
    jsonObject.map((user_metadata) => ({ user_metadata })),
  )
  .map((value) => JSON.stringify(value));

const body: fc.Arbitrary<string | Uint8Array<ArrayBuffer>> = fc.oneof(
  { arbitrary: jsonText, weight: 8 },
  {
    arbitrary: fc.constantFrom('', '{', '[1,]', '\uFEFF{}', '{"a":1}{}', '"\\ud800"', '{"a":1e999}'),
    weight: 1,
  },
  { arbitrary: jsonText.map((text) => new Uint8Array(gzipSync(text))), weight: 1 },
  { arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes)), weight: 1 },
  {
    arbitrary: fc.constantFrom(9_000, 200_000).map((length) => JSON.stringify({ a: 'x'.repeat(length) })),
    weight: 1,
  },
);

/** The parameters of an operation that stand in this place, by name. */
function namesIn(operation: Node, place: string): string[] {
  return Object.values(asNode(operation['parameters'])).flatMap((entry) => {
    const { $ref } = asNode(entry);
    const parameter = typeof $ref === 'string' ? resolve(contract.document, $ref).node : asNode(entry);
    return parameter['in'] === place ? [String(parameter['name'])] : [];
  });
}

function pathOf({ template, operation }: OperationCase): fc.Arbitrary<string> {
  const own = fc.constantFrom(...users.map(({ user }) => user.id));
  const files = fc.constantFrom('start.js', 'swagger-ui.css', 'other.js');
  const value = template.includes('{id}')
    ? fc.oneof(own, segment)
    : template.includes('{file}')
      ? files
      : segment;
  const names = fc.oneof(
    { arbitrary: fc.constantFrom(...namesIn(operation, 'query'), 'other'), weight: 20 },
    { arbitrary: fc.constant('access_token'), weight: 1 },
  );
  const values = fc.oneof(fc.constantFrom('a', 'a,b', 'true', 'false', '1', ''), anyText);
  const query = fc.array(fc.tuple(names, values), { maxLength: 3 });
  return fc.tuple(value, query).map(([text, pairs]) => {
    const path = template.replace(/\{\w+\}/, encodeURIComponent(text));
    return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs).toString()}`;
  });
}

function headersOf({ operation }: OperationCase): fc.Arbitrary<Record<string, string>> {
  const documented = namesIn(operation, 'header').map((header) => header.toLowerCase());
  const names = [...new Set([...documented, ...Object.keys(HEADER_VALUES)])].filter(
    (header) => header !== 'dpop',
  );
  const pair = fc.constantFrom(...names).chain((header) => {
    const usual = HEADER_VALUES[header] ?? headerText;
    const values = fc.oneof({ arbitrary: usual, weight: 6 }, { arbitrary: headerText, weight: 1 });
    return fc.tuple(fc.constant(header), values);
  });
  const dpop = fc.oneof(
    { arbitrary: fc.constant(undefined), weight: 12 },
    { arbitrary: fc.constantFrom(proof, 'nonsense', ''), weight: 1 },
  );
  return fc.tuple(authorization, dpop, fc.array(pair, { maxLength: 3 })).map(([token, given, pairs]) => ({
    ...Object.fromEntries(pairs),
    authorization: token,
    ...(given === undefined ? {} : { dpop: given }),
  }));
}

function typesOf({ operation }: OperationCase): fc.Arbitrary<string> {
  const documented = Object.keys(asNode(asNode(operation['requestBody'])['content']));
  const others = [
    'application/json; charset=utf-8',
    'application/json; charset=latin1',
    'text/plain',
    'x',
    '',
  ];
  return documented.length === 0
    ? fc.constantFrom(...others)
    : fc.oneof({ arbitrary: fc.constantFrom(...documented), weight: 6 }, fc.constantFrom(...others));
}

/** Writes have the most to get wrong, and public documents the least. */
const weighted = operations.map((value) => {
  const isWrite = ['PUT', 'PATCH', 'DELETE'].includes(value.method);
  const isOpen = Object.keys(asNode(value.operation['security'])).length === 0;
  return { arbitrary: fc.constant(value), weight: isWrite ? 10 : isOpen ? 1 : 4 };
});

const anyRequest = fc.oneof(...weighted).chain((each) =>
  fc
    .tuple(pathOf(each), headersOf(each), typesOf(each), fc.option(body, { nil: undefined }))
    .map(([path, headers, type, content]) => {
      const bodiless = ['GET', 'HEAD'].includes(each.method) || content === undefined;
      const ask: ContractAsk = bodiless
        ? { path, headers }
        : { path, headers: { ...headers, 'content-type': type }, body: content };
      return { ...each, ask };
    }),
);

/** A stream that is opened ends with its token, long after this test. */
function opensStream(method: string, template: string, { headers = {} }: ContractAsk): boolean {
  return (
    template === '/me/events' &&
    method === 'GET' &&
    users.some(({ token }) => headers['authorization']?.includes(token))
  );
}

test(
  `each of ${RUNS} random requests is answered as the document says, and none with 500`,
  async () => {
    scene.tenant.answerWith('unknown', {
      status: 200,
      body: { client_id: APPLICATION, client_metadata: { support_email: 'a@example.com' } },
    });
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(anyRequest, async ({ method, template, ask }) => {
        fc.pre(!opensStream(method, template, ask));
        const { status } = await contract.ask(method, template, ask);
        statuses.add(status);
        expect(status).not.toBe(500);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    // The requests are neither all refused nor all good.
    expect([...statuses]).toEqual(expect.arrayContaining([200, 204, 400, 401, 403, 404, 412, 413, 415, 422]));
    const unseen = operations.filter(({ method, template }) =>
      [...contract.seen].every((answer) => !answer.startsWith(`${method} ${template} `)),
    );
    expect(unseen.map(({ method, template }) => `${method} ${template}`)).toEqual([]);
  },
  60_000 + RUNS * 50,
);
