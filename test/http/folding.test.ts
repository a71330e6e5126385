import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openScene, type Person } from '../support/scene.ts';
import { UPSTREAM_TEXT } from '../support/sentinels.ts';

const { person, tenant } = await openScene();
const BOUND = 3;

/**
 * Sends the first write, and the others while the tenant has not answered it yet. Three whole requests of
 * another user follow before the tenant answers, so that the others have long arrived by then.
 */
async function writeTogether(
  first: () => Promise<Response>,
  others: ReadonlyArray<() => Promise<Response>>,
  route: 'read' | 'change' = 'read',
): Promise<Response[]> {
  const bystander = await person({ b: 1 });
  const gate = tenant.hold(route);
  const leading = first();
  await gate.arrived;
  const following = others.map((send) => send());
  await bystander.ask('GET');
  await bystander.ask('GET');
  await bystander.ask('GET');
  gate.open();
  return Promise.all([leading, ...following]);
}

function patch(who: Person, json: unknown): () => Promise<Response> {
  return () => who.ask('PATCH', '', { json });
}

const numbers = Array.from({ length: 20 }, (_, index) => index);

describe('writes of one user that wait for a write in progress', () => {
  test('are all kept at different keys below the first level, with few PATCHes', async () => {
    const jane = await person({ prefs: { old: true } });
    const [first, ...others] = numbers.map((n) => patch(jane, { prefs: { [`key${n}`]: n } }));
    const responses = await writeTogether(first ?? patch(jane, {}), others);
    expect(responses.map(({ status }) => status)).toEqual(numbers.map(() => 200));
    const expected = { old: true, ...Object.fromEntries(numbers.map((n) => [`key${n}`, n])) };
    expect(jane.user.stored).toEqual({ prefs: expected });
    expect(jane.user.patches.length).toBeLessThanOrEqual(BOUND);
    expect(jane.user.reads).toBeLessThanOrEqual(BOUND);
  });

  test('are all kept at different root keys', async () => {
    const jane = await person({});
    const sends = numbers.map((n) => () => jane.ask('PUT', `/key${n}`, { json: n }));
    const [first = patch(jane, {}), ...others] = sends;
    const responses = await writeTogether(first, others, 'change');
    expect(await Promise.all(responses.map((response) => response.json()))).toEqual(numbers);
    expect(jane.user.stored).toEqual(Object.fromEntries(numbers.map((n) => [`key${n}`, n])));
    expect(jane.user.patches.length).toBeLessThanOrEqual(BOUND);
  });

  test('each get the document as it was after their own write', async () => {
    const jane = await person({ n: { first: true } });
    const responses = await writeTogether(patch(jane, { n: { a: 1 } }), [
      patch(jane, { n: { b: 2 } }),
      () => jane.ask('PATCH', '', { json: { n: { c: 3 } }, headers: { prefer: 'return=minimal' } }),
    ]);
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 204]);
    expect(await responses[0]?.json()).toEqual({ n: { first: true, a: 1 } });
    expect(await responses[1]?.json()).toMatchObject({ n: { first: true, a: 1, b: 2 } });
  });

  test('are made although one of them is refused', async () => {
    const jane = await person({ n: {} });
    const stale = { json: { n: { stale: true } }, headers: { 'if-match': '"stale"' } };
    const [ok, conflict, large, fine] = await writeTogether(patch(jane, { n: { a: 1 } }), [
      () => jane.ask('PATCH', '', stale),
      patch(jane, { n: { large: 'x'.repeat(8175) } }),
      patch(jane, { n: { b: 2 } }),
    ]);
    expect([ok?.status, conflict?.status, large?.status, fine?.status]).toEqual([200, 412, 413, 200]);
    expect(jane.user.stored).toEqual({ n: { a: 1, b: 2 } });
  });

  test('are each checked against the document that the writes before it produce', async () => {
    const jane = await person({ list: { a: 1 } });
    const put = (json: unknown) => () =>
      jane.ask('PUT', '/once', { json, headers: { 'if-none-match': '*' } });
    const responses = await writeTogether(patch(jane, { list: { b: 2 } }), [put('mine'), put('yours')]);
    expect(responses.map(({ status }) => status).filter((status) => status === 412)).toHaveLength(1);
    expect(['mine', 'yours']).toContain(jane.user.stored?.['once']);
  });

  test('all fail when the tenant fails, and nothing is applied twice', async () => {
    const jane = await person({ n: { a: 1 } });
    tenant.answerWith('change', { status: 500, body: { message: UPSTREAM_TEXT } });
    const responses = await writeTogether(
      patch(jane, { n: { b: 2 } }),
      numbers.slice(0, 5).map((n) => patch(jane, { n: { [`key${n}`]: n } })),
    );
    await Promise.all(
      responses.map((response) =>
        expectProblem(response, 503, 'upstream_unavailable', { outcome: 'unknown' }),
      ),
    );
    expect(jane.user.patches.length).toBeLessThanOrEqual(BOUND);
    const sent = jane.user.patches.flatMap((changes) => Object.keys(Object(changes['n'])));
    expect(sent.filter((key) => key === 'key3')).toHaveLength(1);
  });

  test('are made after a failed write', async () => {
    const jane = await person({ n: { a: 1 } });
    tenant.answerWith('change', { status: 500 }, 1);
    const responses = await writeTogether(patch(jane, { n: { b: 2 } }), [patch(jane, { n: { c: 3 } })]);
    expect(responses.map(({ status }) => status)).toEqual([503, 200]);
    expect(jane.user.stored).toEqual({ n: { a: 1, c: 3 } });
  });
});

test('writes of two users do not wait for each other', async () => {
  const [jane, omar] = await Promise.all([person({ a: 1 }), person({ a: 1 })]);
  const gate = tenant.hold('change');
  const waiting = jane.ask('PATCH', '', { json: { a: 2 } });
  await gate.arrived;
  expect((await omar.ask('PATCH', '', { json: { a: 2 } })).status).toBe(200);
  gate.open();
  expect((await waiting).status).toBe(200);
});
