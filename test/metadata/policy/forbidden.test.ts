/** What is stored and forbidden may stay or go, but becomes nothing else that is forbidden, by any request. */
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../src/lib/json.ts';
import { openCompat } from '../../http/compat/compat.ts';
import { expectProblem } from '../../support/problem.ts';
import { send, waysFrom } from './changing.ts';

/** As text, because an object with a member `then` is taken for a promise. */
const CONDITION: JsonObject = JSON.parse(
  '{ "if": { "required": ["kept_if"] }, "then": { "not": { "required": ["forbidden_if"] } } }',
);
const SCHEMA = {
  type: 'object',
  properties: {
    free: {},
    closed: { type: 'object', properties: { a: {} }, additionalProperties: false },
    open: { type: 'object', allOf: [{ properties: { a: {} } }], unevaluatedProperties: false },
    never: false,
    not: { not: { required: ['old'] } },
    condition: CONDITION,
    dependent: { dependentSchemas: { old: false } },
    names: { propertyNames: { maxLength: 3 } },
    list: { contains: { type: 'number' }, minContains: 0, maxContains: 1 },
    texts: { items: { maxLength: 3 } },
  },
  additionalProperties: false,
};
const { person, user } = await openCompat({ policy: { userMetadata: { schema: SCHEMA } } });
const STORED: JsonObject = {
  free: 1,
  stripe_id: 'cus_1',
  closed: { old: 1, a: 1 },
  open: { old: 1, a: 1 },
  never: 1,
  not: { old: 1, a: 1 },
  condition: { kept_if: 1, forbidden_if: 1, a: 1 },
  dependent: { old: 1, a: 1 },
  names: { long_name: 1, a: 1 },
  list: [1, 2, 'x'],
  texts: ['toolong', 'ok'],
};

const WORSE: ReadonlyArray<readonly [pointer: string, code: string, key: string, value: JsonObject[string]]> =
  [
    ['/stripe_id', 'additionalProperties', 'stripe_id', 'cus_2'],
    ['/closed/old', 'additionalProperties', 'closed', { old: 2, a: 1 }],
    ['/open/old', 'unevaluatedProperties', 'open', { old: 2, a: 1 }],
    ['/never', 'false_schema', 'never', 2],
    ['/not', 'not', 'not', { old: 2, a: 1 }],
    ['/condition', 'not', 'condition', { kept_if: 1, forbidden_if: 2, a: 1 }],
    ['/dependent', 'false_schema', 'dependent', { old: 2, a: 1 }],
    ['/names/long_name', 'propertyNames', 'names', { long_name: 2, a: 1 }],
    ['/list', 'maxContains', 'list', [1, 3, 'x']],
    ['/texts/0', 'maxLength', 'texts', ['longtoo', 'ok']],
  ];
const refusals = WORSE.flatMap(([pointer, code, key, value]) =>
  waysFrom(STORED, { ...STORED, [key]: value }).map((way) => ({ pointer, code, way, by: way.name })),
);

describe('another wrong value is refused', () => {
  test.each(refusals)('at $pointer, by $by', async ({ pointer, code, way }) => {
    const jane = await person(STORED);
    await expectProblem(await send(jane, way), 422, 'metadata_invalid', { errors: [{ pointer, code }] });
    expect(jane.user.patches).toEqual([]);
  });

  test.each(WORSE)('at %s, by the drop-in', async (_pointer, _code, key, value) => {
    const jane = await user(STORED);
    const response = await jane.ask('PATCH', '', { json: { user_metadata: { [key]: value } } });
    expect([response.status, jane.user.patches]).toEqual([400, []]);
  });
});

const ALLOWED: ReadonlyArray<readonly [name: string, change: JsonObject]> = [
  ['another key', { free: 2 }],
  ['a member beside one too many', { closed: { old: 1, a: 2 } }],
  ['a member beside one that is unevaluated', { open: { old: 1, a: 2 } }],
  ['a member that not does not look at', { not: { old: 1, a: 2 } }],
  ['a member that the condition does not look at', { condition: { kept_if: 1, forbidden_if: 1, a: 2 } }],
  ['a member beside the one that forbids all', { dependent: { old: 1, a: 2 } }],
  ['a member beside one of a wrong name', { names: { long_name: 1, a: 2 } }],
  ['an item that does not count', { list: [1, 2, 'y'] }],
  ['an item, so that a wrong one moves', { texts: ['new', 'toolong', 'ok'] }],
  [
    'everything that is wrong, made right',
    { closed: { a: 1 }, open: {}, not: {}, list: [1], texts: [], names: {} },
  ],
];

describe('what a change leaves alone is not held against it:', () => {
  const changes = ALLOWED.flatMap(([name, change]) =>
    waysFrom(STORED, { ...STORED, ...change }).map((way) => ({ name, change, way, by: way.name })),
  );
  test.each(changes)('$name, by $by', async ({ change, way }) => {
    const jane = await person(STORED);
    expect((await send(jane, way)).status).toBe(200);
    expect(jane.user.stored).toEqual({ ...STORED, ...change });
  });

  test.each(['stripe_id', 'never', 'closed', 'not', 'list'])('%s goes', async (key) => {
    const jane = await person(STORED);
    expect((await jane.ask('DELETE', `/${key}`)).status).toBe(204);
    expect(Object.keys(jane.user.stored ?? {})).not.toContain(key);
  });
});
