/** Keys that the policy hides from an application do not exist for it: not in bodies, tags, sizes or errors. */
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { CLIENTS, comparable, NARROWINGS, through, userThrough } from './applications.ts';

const byApplication = await openScene({ policy: { clients: CLIENTS } });
const narrowed = await Promise.all(
  NARROWINGS.map(async ({ by, policy, claims }) => {
    const scene = await openScene({ policy });
    const asApplication = (name: string, document: Readonly<Record<string, unknown>>) =>
      userThrough(scene, name, document, claims(name));
    return { by, asApplication, service: scene.service };
  }),
);
const DOCUMENT = { a: 1, b: { x: 1 }, hidden: 'secret', other: { deep: 'secret' } };
const VISIBLE = { a: 1, b: { x: 1 } };
const FRESH = { headers: { 'cache-control': 'no-cache' } };

const tagOf = (response: Response): string => response.headers.get('etag') ?? '';

describe.each(narrowed)('by $by,', ({ asApplication, service }) => {
  describe('a narrowed caller', () => {
    test('reads what it may see, while another reads all', async () => {
      const { who, ask } = await asApplication('narrow', DOCUMENT);
      expect(await (await ask('GET')).json()).toEqual(VISIBLE);
      expect(await (await who.ask('GET')).json()).toEqual(DOCUMENT);
      expect(who.user.reads).toBe(1);
    });

    test('answers HEAD with the length and the tag of its own view', async () => {
      const { who, ask } = await asApplication('narrow', DOCUMENT);
      const [head, narrow, whole] = [await ask('HEAD'), await ask('GET'), await who.ask('GET')];
      expect([head.headers.get('content-length'), tagOf(head)]).toEqual([
        String(JSON.stringify(VISIBLE).length),
        tagOf(narrow),
      ]);
      expect(tagOf(narrow)).not.toBe(tagOf(whole));
    });

    test.each(['GET', 'HEAD'])(
      'gets the same 404 by %s for a hidden key as for one that is not there',
      async (method) => {
        const { ask } = await asApplication('narrow', DOCUMENT);
        await ask('GET');
        const [hidden, missing] = [await ask(method, '/hidden'), await ask(method, '/missing')];
        expect(hidden.status).toBe(404);
        expect(await comparable(hidden)).toEqual(await comparable(missing));
      },
    );

    test('finds nothing of a hidden key by fields', async () => {
      const { ask } = await asApplication('narrow', DOCUMENT);
      expect(await (await ask('GET', '?fields=a,hidden')).json()).toEqual({ a: 1 });
      expect(await (await ask('GET', '?fields=hidden')).json()).toEqual({});
      expect(await (await ask('GET', '?fields=a&include_fields=false')).json()).toEqual({ b: { x: 1 } });
    });

    test('is told the size of what it sees', async () => {
      const { ask } = await asApplication('narrow', { ...VISIBLE, hidden: 'x'.repeat(5000) });
      const quota = `limit=8192, used=${JSON.stringify(VISIBLE).length}`;
      const answers = [
        await ask('GET'),
        await ask('GET', '/a'),
        await ask('PATCH', '', { json: {} }),
        await ask('PUT', '/a', { json: 1 }),
      ];
      expect(answers.map(({ headers }) => headers.get('metadata-quota'))).toEqual([
        quota,
        quota,
        quota,
        quota,
      ]);
    });

    test('keeps its tag when only a hidden key changes, and gets another when a visible one does', async () => {
      const { who, ask } = await asApplication('narrow', DOCUMENT);
      const etag = tagOf(await ask('GET'));
      who.user.stored = { ...DOCUMENT, hidden: 'changed', more: 'added' };
      const same = await ask('GET', '', { headers: { ...FRESH.headers, 'if-none-match': etag } });
      expect([same.status, tagOf(same)]).toEqual([304, etag]);
      who.user.stored = { ...DOCUMENT, a: 2 };
      const other = await ask('GET', '', { headers: { ...FRESH.headers, 'if-none-match': etag } });
      expect([other.status, tagOf(other) === etag]).toEqual([200, false]);
    });

    test('sees the same in /me', async () => {
      const { who, ask } = await asApplication('narrow', DOCUMENT);
      const narrow = await ask('GET', '/../../me');
      expect(await narrow.json()).toMatchObject({ sub: who.user.id, user_metadata: VISIBLE });
      const fields = await ask('GET', '/../../me?fields=user_metadata');
      expect(await fields.json()).toEqual({ user_metadata: VISIBLE });
    });
  });

  describe('a condition', () => {
    test('is about the view: the tag of the view lets a write pass, and it keeps what is hidden', async () => {
      const { who, ask } = await asApplication('narrow', DOCUMENT);
      const etag = tagOf(await ask('GET'));
      who.user.stored = { ...DOCUMENT, hidden: 'changed' };
      const response = await ask('PATCH', '', { json: { a: 2 }, headers: { 'if-match': etag } });
      expect([response.status, await response.json()]).toEqual([200, { ...VISIBLE, a: 2 }]);
      expect(tagOf(response)).toBe(tagOf(await ask('GET')));
      expect(who.user.stored).toEqual({ ...DOCUMENT, a: 2, hidden: 'changed' });
    });

    test('that fails carries the view as current, with its tag', async () => {
      const { who, ask } = await asApplication('narrow', DOCUMENT);
      const whole = tagOf(await who.ask('GET'));
      const refused = await ask('PATCH', '', { json: { a: 2 }, headers: { 'if-match': whole } });
      expect(tagOf(refused)).toBe(tagOf(await ask('GET')));
      await expectProblem(refused, 412, 'precondition_failed', { current: VISIBLE });
    });

    test.each(['*', '"any"'])('If-Match: %s on a hidden key finds nothing', async (field) => {
      const { ask } = await asApplication('narrow', DOCUMENT);
      const headers = { 'if-match': field };
      const hidden = await ask('DELETE', '/hidden', { headers });
      const missing = await ask('DELETE', '/missing', { headers });
      expect([hidden.status, await comparable(hidden)]).toEqual([412, await comparable(missing)]);
    });
  });

  test('nothing hidden is in any log line', async () => {
    const { ask } = await asApplication('narrow', { ...DOCUMENT, hidden: 'LEAK-hidden' });
    await ask('GET');
    await ask('PATCH', '', { json: { hidden: 1 } });
    expect(service.logLines.join('')).not.toMatch(/LEAK/);
  });
});

describe('an application', () => {
  test('is known by client_id where the token has no azp, and free where it has neither', async () => {
    const jane = await byApplication.person(DOCUMENT);
    const byClientId = await through(jane, 'x', { azp: undefined, client_id: 'narrow' });
    expect(await (await byClientId('GET')).json()).toEqual(VISIBLE);
    const both = await through(jane, 'narrow', { client_id: 'x' });
    expect(await (await both('GET')).json()).toEqual(VISIBLE);
    const nameless = await through(jane, 'x', { azp: undefined });
    expect(await (await nameless('GET')).json()).toEqual(DOCUMENT);
  });

  test.each(['__proto__', 'constructor', 'toString'])(
    'named %s is not narrowed by accident',
    async (application) => {
      const { ask } = await userThrough(byApplication, application, DOCUMENT);
      expect(await (await ask('GET')).json()).toEqual(DOCUMENT);
    },
  );
});
