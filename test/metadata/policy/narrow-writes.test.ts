/** What a narrowed application can change, and that hidden keys survive whatever it sends. */
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { comparable, NARROWINGS, userThrough } from './applications.ts';

const narrowed = await Promise.all(
  NARROWINGS.map(async ({ by, policy, claims }) => {
    const scene = await openScene({ policy });
    const asApplication: AsApplication = (name, document) => userThrough(scene, name, document, claims(name));
    return { by, asApplication, managementCalls: scene.managementCalls, tenant: scene.tenant };
  }),
);
type AsApplication = (
  name: string,
  document: Readonly<Record<string, unknown>>,
) => ReturnType<typeof userThrough>;
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const VISIBLE = { a: 1, b: { x: 1 } };
const HIDDEN = { hidden: { secret: 1 } };
const DOCUMENT = { ...VISIBLE, ...HIDDEN };

type Naming = readonly [
  name: string,
  method: string,
  path: string,
  json: unknown,
  headers?: Record<string, string>,
];

/** Requests that would set the hidden key. */
const NAMING: readonly Naming[] = [
  ['PATCH', 'PATCH', '', { hidden: 2 }],
  ['PATCH below', 'PATCH', '', { hidden: { secret: 2 } }],
  ['PATCH of the very value', 'PATCH', '', HIDDEN],
  ['PATCH with another key', 'PATCH', '', { a: 2, hidden: 2 }],
  ['PATCH with an empty object', 'PATCH', '', { hidden: {} }],
  ['PUT', 'PUT', '', { a: 2, hidden: 2 }],
  ['PUT of the very value', 'PUT', '', DOCUMENT],
  ['PUT of the key', 'PUT', '/hidden', { secret: 1 }],
  ['JSON Patch add', 'PATCH', '', [{ op: 'add', path: '/hidden', value: 2 }], JSON_PATCH],
  ['JSON Patch copy to', 'PATCH', '', [{ op: 'copy', from: '/a', path: '/hidden' }], JSON_PATCH],
  ['JSON Patch move to', 'PATCH', '', [{ op: 'move', from: '/a', path: '/hidden' }], JSON_PATCH],
];

/** Requests that find the hidden key missing. */
const LOOKING: ReadonlyArray<readonly [operation: Readonly<Record<string, unknown>>, status: number]> = [
  [{ op: 'test', path: '/hidden', value: { secret: 1 } }, 409],
  [{ op: 'test', path: '/hidden/secret', value: 1 }, 409],
  [{ op: 'copy', from: '/hidden', path: '/a' }, 422],
  [{ op: 'move', from: '/hidden', path: '/a' }, 422],
  [{ op: 'remove', path: '/hidden' }, 422],
  [{ op: 'replace', path: '/hidden', value: 1 }, 422],
  [{ op: 'add', path: '/hidden/secret', value: 1 }, 422],
];

/** The answers of the request where the hidden key is stored, and where it is not. */
async function bothAnswers(
  asApplication: AsApplication,
  application: string,
  [, method, path, json, headers = {}]: Naming,
) {
  const [held, absent] = [
    await asApplication(application, DOCUMENT),
    await asApplication(application, VISIBLE),
  ];
  const answers = [
    await held.ask(method, path, { json, headers }),
    await absent.ask(method, path, { json, headers }),
  ] as const;
  expect([held.who.user.patches, absent.who.user.patches]).toEqual([[], []]);
  return answers;
}

describe.each(narrowed)('by $by,', ({ asApplication, managementCalls, tenant }) => {
  describe('a hidden key', () => {
    test.each(NAMING.map((naming) => [naming[0], naming] as const))(
      'named by %s is refused, in the same words whether it exists or not',
      async (_name, naming) => {
        const [held, absent] = await bothAnswers(asApplication, 'reader', naming);
        expect(await comparable(held.clone())).toEqual(await comparable(absent));
        await expectProblem(held, 403, 'key_read_only', {
          errors: [{ pointer: '/hidden', code: 'read_only' }],
        });
      },
    );

    test.each(LOOKING)('is missing for %j', async (operation, status) => {
      const [held, absent] = await bothAnswers(asApplication, 'reader', [
        '',
        'PATCH',
        '',
        [operation],
        JSON_PATCH,
      ]);
      expect(held.status).toBe(status);
      expect(await comparable(held)).toEqual(await comparable(absent));
    });

    test.each<Naming>([
      ['null in a PATCH', 'PATCH', '', { hidden: null }],
      ['null below in a PATCH that sets nothing', 'PATCH', '', { hidden: null, missing: null }],
    ])('is not removed by %s', async (...naming) => {
      const [held, absent] = await bothAnswers(asApplication, 'reader', naming);
      expect([held.status, await held.json(), absent.status]).toEqual([200, VISIBLE, 200]);
    });

    test('is not removed by DELETE of the key, which answers as for any that is missing', async () => {
      const { who, ask } = await asApplication('reader', DOCUMENT);
      expect((await ask('DELETE', '/hidden')).status).toBe(204);
      expect(who.user.patches).toEqual([]);
    });

    test.each([
      ['PUT', { json: { a: 2 } }, { a: 2, ...HIDDEN }],
      ['PUT', { json: {} }, HIDDEN],
      ['DELETE', {}, HIDDEN],
      [
        'PATCH',
        { json: [{ op: 'replace', path: '', value: { b: 2 } }], headers: JSON_PATCH },
        { b: 2, ...HIDDEN },
      ],
      ['PATCH', { json: { a: null, b: null } }, HIDDEN],
    ])('outlives %s of everything (%j)', async (method, request, stored) => {
      const { who, ask } = await asApplication('reader', DOCUMENT);
      expect((await ask(method, '', request)).ok).toBe(true);
      expect(who.user.stored).toEqual(stored);
      expect(JSON.stringify(who.user.patches)).not.toContain('hidden');
    });
  });

  describe('a key that may be read but not changed', () => {
    test.each<Naming>([
      ['PATCH', 'PATCH', '', { b: { x: 2 } }],
      ['null', 'PATCH', '', { b: null }],
      ['PUT', 'PUT', '', { a: 1, b: 2 }],
      ['PUT of the key', 'PUT', '/b', 2],
      ['JSON Patch', 'PATCH', '', [{ op: 'remove', path: '/b' }], JSON_PATCH],
    ])('is refused by %s', async (_name, method, path, json, headers = {}) => {
      const { who, ask } = await asApplication('narrow', DOCUMENT);
      const refused = await ask(method, path, { json, headers });
      await expectProblem(refused, 403, 'key_read_only', { errors: [{ pointer: '/b' }] });
      await expectProblem(await ask('DELETE', '/b'), 403, 'key_read_only', { errors: [{ pointer: '/b' }] });
      expect(who.user.patches).toEqual([]);
    });

    test('stays through PUT and DELETE of the document', async () => {
      const { who, ask } = await asApplication('narrow', DOCUMENT);
      expect(await (await ask('PUT', '', { json: { a: 2 } })).json()).toEqual({ a: 2, b: { x: 1 } });
      expect((await ask('DELETE')).status).toBe(204);
      expect(who.user.stored).toEqual({ b: { x: 1 }, ...HIDDEN });
    });

    test('may be sent along unchanged', async () => {
      const { ask } = await asApplication('narrow', DOCUMENT);
      const response = await ask('PATCH', '', { json: { a: 2, b: { x: 1 } } });
      expect([response.status, await response.json()]).toEqual([200, { a: 2, b: { x: 1 } }]);
    });

    test('is told from the writable one where all is visible', async () => {
      const { who, ask } = await asApplication('typist', DOCUMENT);
      const refused = await ask('PATCH', '', { json: { a: 2, c: 1 } });
      await expectProblem(refused, 403, 'key_read_only', { errors: [{ pointer: '/c' }] });
      expect((await ask('PUT', '/a', { json: 2 })).status).toBe(200);
      expect(who.user.stored).toEqual({ ...DOCUMENT, a: 2 });
    });
  });

  test.each([0, 3000, 8000])('with %i hidden bytes the limit is reached at the same size', async (bytes) => {
    const { who, ask } = await asApplication(
      'reader',
      bytes === 0 ? { b: 1 } : { b: 1, hidden: 'x'.repeat(bytes) },
    );
    await ask('GET');
    const room = 8192 - JSON.stringify({ b: 1, a: '' }).length;
    const refused = await ask('PUT', '/a', { json: 'x'.repeat(room + 1) });
    await expectProblem(refused, 413, 'metadata_too_large', { errors: [{ pointer: '' }] });
    expect((await ask('PUT', '/a', { json: 'x'.repeat(room) })).status).toBe(200);
    expect(who.user.patches).toHaveLength(1);
  });

  test('two applications whose writes are folded into one see each its own view', async () => {
    const { who, ask } = await asApplication('narrow', DOCUMENT);
    const gate = tenant.hold('read');
    const leading = who.ask('PATCH', '', { json: { c: { first: true } } });
    await gate.arrived;
    const narrow = ask('PATCH', '', { json: { a: 2 } });
    const whole = who.ask('PATCH', '', { json: { hidden: { more: 2 } } });
    const refused = ask('PATCH', '', { json: { hidden: 3 } });
    gate.open();
    const answers = await Promise.all([leading, narrow, whole, refused]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 403]);
    expect(await answers[1]?.json()).toEqual({ a: 2, b: { x: 1 } });
    expect(await answers[2]?.json()).toMatchObject({ c: { first: true }, hidden: { secret: 1, more: 2 } });
    expect(who.user.stored).toEqual({
      a: 2,
      b: { x: 1 },
      c: { first: true },
      hidden: { secret: 1, more: 2 },
    });
    expect(managementCalls()).toBeLessThanOrEqual(6);
  });
});
