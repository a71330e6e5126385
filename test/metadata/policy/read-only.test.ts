/** What the schema marks `readOnly`: the caller cannot change it, and loses it by no request. */
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../src/lib/json.ts';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { send, waysFrom } from './changing.ts';

const READ_ONLY = { type: 'string', readOnly: true };
const SCHEMA = {
  type: 'object',
  properties: {
    since: READ_ONLY,
    badge: { $ref: '#/$defs/badge' },
    profile: {
      type: 'object',
      properties: { level: { type: 'integer', readOnly: true }, name: { type: 'string' } },
    },
    address: { $ref: '#/$defs/address' },
    tier: { allOf: [{ $ref: '#/$defs/badge' }, { type: 'string' }] },
  },
  $defs: {
    badge: READ_ONLY,
    address: {
      type: 'object',
      properties: { city: { type: 'string' }, 'veri/fied': { type: 'boolean', readOnly: true } },
    },
  },
};
const { person } = await openScene({ policy: { userMetadata: { schema: SCHEMA } } });

const stored = {
  since: '2020',
  badge: 'gold',
  profile: { level: 3, name: 'jane' },
  address: { city: 'x', 'veri/fied': true },
  tier: 'a',
  free: 1,
};

type Row = readonly [name: string, before: JsonObject, after: JsonObject, ...pointers: string[]];

const REFUSED: readonly Row[] = [
  ['a key', stored, { ...stored, since: '1999' }, '/since'],
  ['a key by $ref', stored, { ...stored, badge: 'diamond' }, '/badge'],
  ['a key by allOf', stored, { ...stored, tier: 'b' }, '/tier'],
  ['a member', stored, { ...stored, profile: { level: 4, name: 'jane' } }, '/profile/level'],
  [
    'a member by $ref',
    stored,
    { ...stored, address: { city: 'x', 'veri/fied': false } },
    '/address/veri~1fied',
  ],
  ['a key that is not there yet', { free: 1 }, { free: 1, since: '2020' }, '/since'],
  ['a member that is not there yet', { profile: {} }, { profile: { level: 1 } }, '/profile/level'],
  ['a member of an object that is not there yet', {}, { profile: { level: 1 } }, '/profile/level'],
  ['an object by a text', stored, { ...stored, profile: 'jane' }, '/profile/level'],
  [
    'several at once',
    stored,
    { ...stored, since: '1999', free: 2, profile: { level: 4, name: 'omar' } },
    '/profile/level',
    '/since',
  ],
];

const refusals = REFUSED.flatMap(([name, before, after, ...pointers]) =>
  waysFrom(before, after).map((way) => ({ name, before, pointers, way, by: way.name })),
);

describe('a change is refused, naming each place:', () => {
  test.each(refusals)('$name, by $by', async ({ before, pointers, way }) => {
    const jane = await person(before);
    const response = await send(jane, way);
    const { errors = [] }: { errors?: Array<{ pointer: string }> } = JSON.parse(
      await response.clone().text(),
    );
    expect(new Set(errors.map(({ pointer }) => pointer))).toEqual(new Set(pointers));
    await expectProblem(response, 403, 'key_read_only', {
      errors: errors.map(({ pointer }) => ({ pointer, code: 'read_only' })),
    });
    expect(jane.user.patches).toEqual([]);
  });
});

const ALLOWED: ReadonlyArray<readonly [name: string, before: JsonObject, after: JsonObject]> = [
  ['another key', stored, { ...stored, free: 2 }],
  ['a member beside a read-only one', stored, { ...stored, profile: { level: 3, name: 'omar' } }],
  ['an object in which it is missing', { profile: { name: 'jane' } }, { profile: { name: 'omar' } }],
];
const allowed = ALLOWED.flatMap(([name, before, after]) =>
  waysFrom(before, after).map((way) => ({ name, before, after, way, by: way.name })),
);

describe('a change goes ahead:', () => {
  test.each(allowed)('$name, by $by', async ({ before, after, way }) => {
    const jane = await person(before);
    const response = await send(jane, way);
    expect([response.status, jane.user.stored]).toEqual([200, after]);
  });

  test.each([
    ['PATCH', '', { since: '2020', profile: { level: 3 }, address: { 'veri/fied': true }, free: 2 }],
    ['PUT', '', { ...stored, free: 2 }],
    ['PUT', '/since', '2020'],
    ['PUT', '/profile', { name: 'omar', level: 3 }],
  ])('%s%s that sends the same values along', async (method, path, json) => {
    const jane = await person(stored);
    const response = await jane.ask(method, path, { json });
    expect(response.status).toBe(200);
    expect(jane.user.stored).toMatchObject({ since: '2020', badge: 'gold', address: stored.address });
  });
});

describe('a request for the whole document', () => {
  test('PUT keeps a key that it leaves out', async () => {
    const jane = await person({ since: '2020', badge: 'gold', tier: 'a', free: 1 });
    const response = await jane.ask('PUT', '', { json: { free: 2 } });
    const kept = { since: '2020', badge: 'gold', tier: 'a', free: 2 };
    expect([response.status, await response.json()]).toEqual([200, kept]);
    expect(jane.user.patches).toEqual([{ free: 2 }]);
  });

  test('PUT keeps a member that it leaves out, with its object or alone', async () => {
    const jane = await person(stored);
    const response = await jane.ask('PUT', '', { json: { profile: { name: 'omar' } } });
    expect([response.status, jane.user.stored]).toEqual([
      200,
      {
        since: '2020',
        badge: 'gold',
        tier: 'a',
        profile: { level: 3, name: 'omar' },
        address: { 'veri/fied': true },
      },
    ]);
  });

  test('DELETE removes the rest and keeps it', async () => {
    const jane = await person(stored);
    expect((await jane.ask('DELETE')).status).toBe(204);
    expect(jane.user.stored).toEqual({
      since: '2020',
      badge: 'gold',
      tier: 'a',
      profile: { level: 3 },
      address: { 'veri/fied': true },
    });
  });

  test('DELETE of nothing but read-only keys sends nothing', async () => {
    const jane = await person({ since: '2020' });
    expect((await jane.ask('DELETE')).status).toBe(204);
    expect(jane.user.patches).toEqual([]);
  });
});

describe('a removal', () => {
  test.each([
    ['DELETE of a key', 'DELETE', '/since', {}, '/since'],
    ['DELETE of an object that holds one', 'DELETE', '/profile', {}, '/profile/level'],
    ['null in a PATCH', 'PATCH', '', { json: { badge: null } }, '/badge'],
    ['null in a PATCH, below', 'PATCH', '', { json: { profile: { level: null } } }, '/profile/level'],
  ])('by %s is refused', async (_name, method, path, ask, pointer) => {
    const jane = await person(stored);
    await expectProblem(await jane.ask(method, path, ask), 403, 'key_read_only', { errors: [{ pointer }] });
    expect(jane.user.patches).toEqual([]);
  });

  test('of what is not there is no change', async () => {
    const jane = await person({ free: 1 });
    expect((await jane.ask('DELETE', '/since')).status).toBe(204);
    expect((await jane.ask('PATCH', '', { json: { since: null, free: null } })).status).toBe(200);
    expect(jane.user.stored).toEqual({});
  });
});

test('a flat write is judged on what the tenant holds now, not on a copy', async () => {
  const jane = await person(stored);
  await jane.ask('GET');
  expect((await jane.ask('PUT', '/free', { json: 2 })).status).toBe(200);
  jane.user.stored = { ...stored, since: '2021' };
  expect((await jane.ask('PUT', '/since', { json: '2021' })).status).toBe(200);
  expect(jane.user.patches).toEqual([{ free: 2 }]);
});
