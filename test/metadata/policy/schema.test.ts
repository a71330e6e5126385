/** The operator's JSON Schema over HTTP: what is refused, how it is told, and what stored data has to do with it. */
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../src/lib/json.ts';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { send, waysFrom } from './changing.ts';

const SCHEMA = {
  type: 'object',
  properties: {
    theme: { enum: ['dark', 'light'] },
    name: { type: 'string', minLength: 1, maxLength: 10 },
    birthday: { type: 'string', format: 'date' },
    tags: { type: 'array', items: { type: 'string', maxLength: 5 }, maxItems: 3, uniqueItems: true },
    prefs: {
      type: 'object',
      properties: { size: { type: 'integer', minimum: 1 } },
      required: ['size'],
      additionalProperties: false,
    },
    slow: { type: 'string', pattern: '^(a+)+$' },
  },
  patternProperties: { '^n_': { type: 'number' } },
  required: ['name'],
  dependentRequired: { state: ['country'] },
};
const { person, managementCalls } = await openScene({ policy: { userMetadata: { schema: SCHEMA } } });

type Fault = readonly [pointer: string, code: string];
type Row = readonly [name: string, before: JsonObject, after: JsonObject, ...faults: Fault[]];

const good = { name: 'jane' };
/** Stored before the schema was: wrong in nearly every way. */
const old = { theme: 'blue', tags: ['toolong', 'ok'], prefs: { extra: 1 }, state: 'x', n_a: 'text' };

const ROWS: readonly Row[] = [
  ['a value that is not listed', good, { ...good, theme: 'blue' }, ['/theme', 'enum']],
  ['another type', good, { name: 5 }, ['/name', 'type']],
  ['a text too long', good, { name: 'x'.repeat(11) }, ['/name', 'maxLength']],
  ['a text too short', good, { name: '' }, ['/name', 'minLength']],
  ['a date that does not exist', good, { ...good, birthday: '2025-02-30' }, ['/birthday', 'format']],
  ['a wrong item', good, { ...good, tags: ['ok', 'toolong'] }, ['/tags/1', 'maxLength']],
  ['too many items', good, { ...good, tags: ['a', 'b', 'c', 'd'] }, ['/tags', 'maxItems']],
  ['the same item twice', good, { ...good, tags: ['a', 'a'] }, ['/tags', 'uniqueItems']],
  ['a number out of range', good, { ...good, prefs: { size: 0 } }, ['/prefs/size', 'minimum']],
  ['a member that is missing', good, { ...good, prefs: {} }, ['/prefs/size', 'required']],
  [
    'a member too many',
    good,
    { ...good, prefs: { size: 1, 'x/y': 2 } },
    ['/prefs/x~1y', 'additionalProperties'],
  ],
  ['a key by its pattern', good, { ...good, n_x: 'text' }, ['/n_x', 'type']],
  ['a key that goes with another', good, { ...good, state: 'x' }, ['/country', 'dependentRequired']],
  ['a required key that is removed', good, {}, ['/name', 'required']],
  [
    'everything at once',
    good,
    { name: '', theme: 'blue', tags: [1, 2], prefs: { size: 'x', y: 1 } },
    ['/name', 'minLength'],
    ['/prefs/size', 'type'],
    ['/prefs/y', 'additionalProperties'],
    ['/tags/0', 'type'],
    ['/tags/1', 'type'],
    ['/theme', 'enum'],
  ],
  ['nothing of a good document', good, { ...good, theme: 'dark', tags: ['a'], prefs: { size: 2 }, n_b: 1 }],
  ['nothing where the wrong is left alone', old, { ...old, more: true }],
  ['nothing where a wrong value becomes right', old, { ...old, theme: 'dark' }],
  ['a wrong value that becomes another wrong one', old, { ...old, theme: 'green' }, ['/theme', 'enum']],
  ['nothing where an item beside a wrong one goes', old, { ...old, tags: ['toolong'] }],
  ['nothing where a wrong item moves up', old, { ...old, tags: ['a', 'toolong', 'ok'] }],
  ['one more wrong item', old, { ...old, tags: ['toolong', 'longtoo'] }, ['/tags/1', 'maxLength']],
  ['nothing where an object is mended in part', old, { ...old, prefs: { extra: 1, size: 1 } }],
  [
    'another member too many',
    old,
    { ...old, prefs: { extra: 1, other: 1 } },
    ['/prefs/other', 'additionalProperties'],
  ],
  ['nothing where what is missing was missing', old, { ...old, state: 'y' }],
  ['nothing where all of it goes', old, {}],
  [
    'a list too long that grows',
    { tags: ['a', 'b', 'c', 'd'] },
    { tags: ['a', 'b', 'c', 'd', 'e'] },
    ['/tags', 'maxItems'],
  ],
  [
    'nothing where a list too long gets shorter',
    { tags: ['a', 'b', 'c', 'd', 'e'] },
    { tags: ['a', 'b', 'c', 'd'] },
  ],
  ['a wrong object that becomes another', { theme: { a: 1 } }, { theme: { b: 2 } }, ['/theme', 'enum']],
];

const CASES = ROWS.flatMap(([name, before, after, ...faults]) =>
  waysFrom(before, after).map((way) => ({ name, before, after, faults, way, by: way.name })),
);

interface Told {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

async function toldBy(response: Response): Promise<readonly Told[]> {
  const { errors = [] }: { errors?: Told[] } = JSON.parse((await response.clone().text()) || '{}');
  return errors;
}

describe('the schema finds', () => {
  test.each(CASES.filter(({ faults }) => faults.length === 0))(
    '$name, by $by',
    async ({ before, after, way }) => {
      const jane = await person(before);
      const response = await send(jane, way);
      expect([response.ok, await toldBy(response), jane.user.stored]).toEqual([true, [], after]);
    },
  );

  test.each(CASES.filter(({ faults }) => faults.length > 0))(
    '$name, by $by',
    async ({ before, faults, way }) => {
      const jane = await person(before);
      const response = await send(jane, way);
      const errors = await toldBy(response);
      expect(new Set(errors.map(({ pointer, code }) => `${pointer} ${code}`))).toEqual(
        new Set(faults.map((fault) => fault.join(' '))),
      );
      for (const { detail } of errors) expect(detail).toMatch(/^[A-Z].{3,200}\.$/);
      await expectProblem(response, 422, 'metadata_invalid', { errors });
      expect(jane.user.patches).toEqual([]);
    },
  );
});

test('a person is told which values would do', async () => {
  const jane = await person(good);
  const response = await jane.ask('PUT', '/theme', { json: 'blue' });
  expect(await response.json()).toMatchObject({ errors: [{ detail: 'Must be one of: "dark", "light".' }] });
});

test('a pattern that would take a backtracking engine for ever is judged at once', async () => {
  const jane = await person(good);
  const used = process.cpuUsage();
  const response = await jane.ask('PATCH', '', { json: { slow: `${'a'.repeat(7000)}!` } });
  const { user, system } = process.cpuUsage(used);
  expect(response.status).toBe(422);
  expect((user + system) / 1000).toBeLessThan(2000);
});

describe('what a flat write costs', () => {
  test('a read and a PATCH, also where a copy is held: the schema needs the whole document as it is now', async () => {
    const jane = await person(good);
    await jane.ask('GET');
    expect((await jane.ask('PATCH', '', { json: { theme: 'dark' } })).status).toBe(200);
    expect([jane.user.reads, jane.user.patches]).toEqual([2, [{ theme: 'dark' }]]);
  });

  test('a read and a PATCH for a removal, too: something may have to be there', async () => {
    const jane = await person({ ...good, theme: 'dark' });
    expect((await jane.ask('DELETE', '/theme')).status).toBe(204);
    expect(managementCalls()).toBe(2);
  });

  test('no refusal that only an old copy would justify', async () => {
    const jane = await person(good);
    await jane.ask('GET');
    jane.user.stored = { ...good, country: 'somewhere' };
    const response = await jane.ask('PATCH', '', { json: { state: 'x' } });
    expect([response.status, jane.user.stored]).toEqual([200, { ...good, country: 'somewhere', state: 'x' }]);
  });
});
