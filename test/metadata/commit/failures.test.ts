/** A change that fails: each request that counted on it gets the same answer, nothing is sent twice, nothing old is served. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { represent } from '../../../src/metadata/representation.ts';
import { until } from '../../support/until.ts';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { merged, userDocument } from '../../support/tenant-rules.ts';
import { jsonPatch, patch, putKey, statuses, writeTogether } from './together.ts';

const scene = await openScene();
const { person, tenant, service } = scene;
/** Long enough for a group to gather, and not much longer. */
const hasty = await openScene({ env: { UPSTREAM_TIMEOUT_MS: '1000', UPSTREAM_WAIT_MS: '100' } });
// Whatever the service remembers of a tenant in trouble is over by then.
afterEach(() => service.clock.advance(61));

const FAILURES = [
  ['an error', { status: 500, body: {} }, 503, 'upstream_unavailable', { outcome: 'unknown' }],
  ['nonsense', { status: 200, body: 'no JSON' }, 502, 'upstream_malformed', { outcome: 'unknown' }],
  ['that the user is gone', { status: 404, body: {} }, 404, 'user_not_found', {}],
] as const;

describe.each(FAILURES)('when the tenant answers %s to a group', (_name, answer, status, code, more) => {
  test('each write of it gets that outcome, and the change was sent once', async () => {
    const jane = await person({ n: { a: 1 } });
    tenant.answerWith('change', answer);
    const responses = await writeTogether(scene, jane, [
      patch(jane, { n: { b: 2 } }),
      putKey(jane, 'c', 3),
      () => jane.ask('DELETE', '/n'),
      jsonPatch(jane, [{ op: 'add', path: '/d', value: 4 }]),
    ]);
    await Promise.all(responses.map((response) => expectProblem(response, status, code, more)));
    expect(jane.user.patches).toEqual([{ n: null, c: 3, d: 4 }]);
    expect(jane.user.stored).toEqual({ n: { a: 1 } });
  });

  test('no copy from before is served', async () => {
    const jane = await person({ a: 1 });
    await jane.ask('GET');
    tenant.answerWith('change', answer);
    await writeTogether(scene, jane, [putKey(jane, 'a', 2), putKey(jane, 'b', 2)]);
    tenant.heal();
    service.clock.advance(61);
    jane.user.stored = { a: 'as the tenant holds it' };
    expect(await (await jane.ask('GET')).json()).toEqual({ a: 'as the tenant holds it' });
  });
});

describe('when the tenant does not accept a document', () => {
  const refusal = { status: 400, body: {} };
  const errors = [{ pointer: '', code: 'refused_by_tenant' }];

  test('each write of a group is sent on its own, and only those are refused that the tenant does not accept', async () => {
    const jane = await person({ n: { a: 1 } });
    tenant.answerWith('change', ({ body }) => {
      const { user_metadata: changes } = JSON.parse(body);
      if (Object.hasOwn(changes, 'c')) return refusal;
      jane.user.stored = merged(jane.user.stored ?? {}, changes);
      return { status: 200, body: userDocument(jane.user.id, jane.user.stored) };
    });
    const [first, refused, last] = await writeTogether(scene, jane, [
      patch(jane, { n: { b: 2 } }),
      putKey(jane, 'c', 3),
      jsonPatch(jane, [{ op: 'add', path: '/d', value: 4 }]),
    ]);
    expect([await first?.json(), await last?.json()]).toEqual([
      { n: { a: 1, b: 2 } },
      { n: { a: 1, b: 2 }, d: 4 },
    ]);
    if (refused) await expectProblem(refused, 422, 'metadata_invalid', { errors });
    expect(jane.user.patches).toEqual([
      { n: { a: 1, b: 2 }, c: 3, d: 4 },
      { n: { a: 1, b: 2 } },
      { c: 3 },
      { d: 4 },
    ]);
  });

  test('a write alone is refused by the one request', async () => {
    const jane = await person({ a: 1 });
    tenant.answerWith('change', refusal);
    const response = await jane.ask('PATCH', '', { json: { a: 2 } });
    await expectProblem(response, 422, 'metadata_invalid', { errors });
    expect(jane.user.patches).toEqual([{ a: 2 }]);
  });
});

test('when the tenant does not answer, each is told that the outcome is unknown, and the next write waits for that', async () => {
  const jane = await hasty.person({ n: { a: 1 } });
  const gate = tenant.hold('change');
  const responses = await writeTogether(hasty, jane, [
    patch(jane, { n: { b: 2 } }),
    patch(jane, { n: { c: 3 } }),
  ]);
  gate.open();
  await Promise.all(
    responses.map((response) => expectProblem(response, 504, 'upstream_timeout', { outcome: 'unknown' })),
  );
  jane.user.stored = { n: { a: 1, elsewhere: true } };
  tenant.heal();
  hasty.service.clock.advance(61);
  const next = () => jane.ask('PATCH', '', { json: { n: { d: 4 } } });
  const early = await next();
  expect(Number(early.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  await expectProblem(early, 503, 'lock_unavailable');
  await until(async () => ((await next()).status === 200 ? true : undefined));
  expect(jane.user.stored).toEqual({ n: { a: 1, elsewhere: true, d: 4 } });
});

describe('a refusal', () => {
  const stored = { n: { a: 1 } };
  const original = { 'if-match': represent(stored).etag };

  test('that rested on what is stored stands, although the change fails', async () => {
    const jane = await person(stored);
    tenant.answerWith('change', { status: 500, body: {} });
    const responses = await writeTogether(scene, jane, [
      patch(jane, { a: 1 }, { 'if-match': '"stale"' }),
      jsonPatch(jane, [{ op: 'test', path: '/n/a', value: 2 }]),
      patch(jane, { n: { b: 2 } }),
    ]);
    expect(statuses(responses)).toEqual([412, 409, 503]);
    expect(await responses[0]?.json()).toMatchObject({ current: stored });
  });

  test('that rested on a change which then failed is void', async () => {
    const jane = await person(stored);
    tenant.answerWith('change', { status: 500, body: {} });
    const responses = await writeTogether(scene, jane, [
      patch(jane, { n: { b: 2 } }),
      patch(jane, { c: 3 }, original),
      jsonPatch(jane, [{ op: 'test', path: '/n', value: { a: 1 } }]),
      putKey(jane, 'd', 'x'.repeat(8170)),
    ]);
    const outcome = { outcome: 'unknown' };
    await Promise.all(
      responses.map((response) => expectProblem(response, 503, 'upstream_unavailable', outcome)),
    );
    expect(jane.user.patches).toHaveLength(1);
  });

  test('that rested on a change which succeeded stands', async () => {
    const jane = await person(stored);
    const responses = await writeTogether(scene, jane, [
      patch(jane, { n: { b: 2 } }),
      patch(jane, { c: 3 }, original),
    ]);
    expect(statuses(responses)).toEqual([200, 412]);
    expect(await responses[1]?.json()).toMatchObject({ current: { n: { a: 1, b: 2 } } });
  });
});

test('a read that fails fails the whole group, and nothing is sent', async () => {
  const jane = await person({ a: 1 });
  tenant.answerWith('read', { status: 400, body: {} });
  const responses = await writeTogether(scene, jane, [
    putKey(jane, 'a', 2),
    patch(jane, { n: { b: 2 } }),
    patch(jane, { c: 3 }, { 'if-match': '"stale"' }),
  ]);
  await Promise.all(responses.map((response) => expectProblem(response, 502, 'upstream_refused')));
  expect(jane.user.patches).toEqual([]);
});
