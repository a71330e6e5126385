import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../src/lib/app-error.ts';
import type { JsonObject, JsonValue } from '../../src/lib/json.ts';
import type { SentWrite } from '../../src/metadata/ports.ts';
import { represent } from '../../src/metadata/representation.ts';
import { appErrorOf } from '../lib/rejection.ts';
import { quiet } from '../lib/deferred.ts';
import { createServiceWorld, JANE, type WorldOptions } from './service-world.ts';

/** A world in which one write is under way, so that those that follow share a commit. */
async function createBusyWorld(options: WorldOptions = {}) {
  const world = createServiceWorld(options);
  const release = world.hold();
  const first = world.service.patch(JANE, { first: { done: true } });
  await quiet();
  return {
    ...world,
    async finish() {
      release();
      await first;
    },
  };
}

const ifMatch = (value: JsonValue) => ({
  preconditions: [{ kind: 'if-match', tags: [represent(value).etag] }] as const,
});

describe('writes that share a commit', () => {
  test('become one change, and each gets the document as it was after it', async () => {
    const world = await createBusyWorld({ stored: { a: { x: 1 } } });
    const writes = [
      world.service.patch(JANE, { a: { y: 2 } }),
      world.service.patch(JANE, { a: { x: null } }),
      world.service.replaceKey(JANE, 'b', 3),
    ];
    await world.finish();
    const documents = (await Promise.all(writes)).map(({ userMetadata }) => userMetadata);
    const first = { first: { done: true } };
    expect(documents).toEqual([
      { ...first, a: { x: 1, y: 2 } },
      { ...first, a: { y: 2 } },
      { ...first, a: { y: 2 }, b: 3 },
    ]);
    expect(world.asked.filter((call) => call.startsWith('change'))).toHaveLength(2);
    expect(world.stored()).toEqual({ ...first, a: { y: 2 }, b: 3 });
  });

  test('do not fail for one of them that is refused', async () => {
    const world = await createBusyWorld();
    const good = world.service.patch(JANE, { a: 1 });
    const refused = appErrorOf(world.service.patch(JANE, { b: 1 }, ifMatch({ other: true })));
    const last = world.service.patch(JANE, { c: 1 });
    await world.finish();
    expect((await refused).code).toBe('precondition_failed');
    expect((await good).userMetadata).toMatchObject({ a: 1 });
    expect((await last).userMetadata).toEqual({ first: { done: true }, a: 1, c: 1 });
  });

  test('are judged on what those before them made', async () => {
    const world = await createBusyWorld();
    const first = { first: { done: true } };
    const made = world.service.patch(JANE, { a: 1 });
    const matching = world.service.patch(JANE, { b: 1 }, ifMatch({ ...first, a: 1 }));
    const late = appErrorOf(world.service.patch(JANE, { c: 1 }, ifMatch({ ...first, a: 1 })));
    await world.finish();
    await made;
    expect((await matching).userMetadata).toEqual({ ...first, a: 1, b: 1 });
    expect((await late).extras.current).toEqual({ ...first, a: 1, b: 1 });
  });

  test('may undo one another, and then nothing is sent', async () => {
    const world = await createBusyWorld({ stored: { a: 1 } });
    const writes = [world.service.replaceKey(JANE, 'a', 2), world.service.replaceKey(JANE, 'a', 1)];
    await world.finish();
    expect((await Promise.all(writes)).map(({ userMetadata }) => userMetadata['a'])).toEqual([2, 1]);
    expect(world.asked.filter((call) => call.startsWith('change'))).toHaveLength(1);
  });
});

describe('a change that fails', () => {
  const failure = new AppError('upstream_timeout', 'no answer', { outcome: 'unknown' });

  test('fails every write that counted on it, and voids a refusal that was reached over it', async () => {
    const world = await createBusyWorld();
    const refusedBefore = appErrorOf(world.service.patch(JANE, { z: 1 }, ifMatch({ never: 1 })));
    const success = appErrorOf(world.service.patch(JANE, { a: 1 }));
    const refusedAfter = appErrorOf(world.service.patch(JANE, { b: 1 }, ifMatch({ first: { done: true } })));
    world.beforeChange((changes) => {
      if (!Object.hasOwn(changes, 'first')) throw failure;
    });
    await world.finish();
    expect((await refusedBefore).code).toBe('precondition_failed');
    expect(await success).toBe(failure);
    expect(await refusedAfter).toBe(failure);
  });

  test('still has the cache forget, because it may have been applied', async () => {
    const world = createServiceWorld();
    world.beforeChange(() => {
      throw failure;
    });
    expect(await appErrorOf(world.service.patch(JANE, { a: 1 }))).toBe(failure);
    expect(world.asked).toEqual(['read', 'begin', 'change {"a":1}', 'end']);
  });

  test('has the cache forget a user whom the tenant no longer knows', async () => {
    const world = createServiceWorld({ cached: { a: 1 } });
    world.beforeRead(() => {
      throw new AppError('user_not_found', 'gone');
    });
    expect((await appErrorOf(world.service.patch(JANE, { a: { b: 1 } }))).code).toBe('user_not_found');
    expect(world.asked).toEqual(['read', 'invalidate']);
  });

  test('leaves the next write to start from what the tenant holds', async () => {
    const world = createServiceWorld({ stored: { a: { x: 1 } } });
    world.beforeChange(() => {
      throw failure;
    });
    await appErrorOf(world.service.patch(JANE, { a: { y: 2 } }));
    world.beforeChange(() => undefined);
    expect((await world.service.patch(JANE, { a: { z: 3 } })).userMetadata).toEqual({ a: { x: 1, z: 3 } });
  });
});

const group = (world: Awaited<ReturnType<typeof createBusyWorld>>) => [
  world.service.patch(JANE, { a: 1 }),
  world.service.patch(JANE, { bad: 1 }),
  world.service.patch(JANE, { never: 1 }, ifMatch({ other: true })),
  world.service.patch(JANE, { b: { c: 1 } }),
];

describe('a change that the tenant refuses for its document', () => {
  const REFUSALS = ['metadata_invalid', 'metadata_too_large'] as const;
  test.each(REFUSALS)('as %s is sent write by write, so that none is refused for another', async (code) => {
    const world = await createBusyWorld();
    const refusal = new AppError(code, 'not by this tenant');
    const outcomes = group(world).map((write) => write.catch((error: unknown) => error));
    world.beforeChange((changes) => {
      if (Object.hasOwn(changes, 'bad')) throw refusal;
    });
    await world.finish();
    const [first, second, third, last] = await Promise.all(outcomes);
    expect(first).toMatchObject({ userMetadata: { first: { done: true }, a: 1 } });
    expect(second).toBe(refusal);
    expect(third).toMatchObject({ code: 'precondition_failed' });
    expect(last).toMatchObject({ userMetadata: { first: { done: true }, a: 1, b: { c: 1 } } });
    expect(world.stored()).toEqual({ first: { done: true }, a: 1, b: { c: 1 } });
    expect(world.asked.filter((call) => call.startsWith('change')).slice(1)).toEqual([
      'change {"a":1,"bad":1,"b":{"c":1}}',
      'change {"a":1}',
      'change {"bad":1}',
      'change {"b":{"c":1}}',
    ]);
  });

  test('is not repeated where it was the change of one write', async () => {
    const world = await createBusyWorld();
    const refusal = new AppError('metadata_invalid', 'not by this tenant');
    const outcome = appErrorOf(world.service.patch(JANE, { bad: 1 }));
    world.beforeChange((changes) => {
      if (Object.hasOwn(changes, 'bad')) throw refusal;
    });
    await world.finish();
    expect(await outcome).toBe(refusal);
    expect(world.asked.filter((call) => call.includes('bad'))).toHaveLength(1);
  });

  test('tells each write of the request that carried it alone', async () => {
    const world = await createBusyWorld();
    const receipts: SentWrite[] = [];
    const onSent = (receipt: SentWrite) => void receipts.push(receipt);
    const writes = [
      world.service.patch(JANE, { a: 1 }, { onSent }),
      world.service.patch(JANE, { b: 1 }, { onSent }),
    ];
    world.beforeChange((changes) => {
      if (Object.keys(changes).length > 1) throw new AppError('metadata_too_large', 'not all at once');
    });
    await world.finish();
    await Promise.all(writes);
    const [, , first, second] = receipts;
    expect([receipts.length, first?.keys, second?.keys]).toEqual([4, ['a'], ['b']]);
    expect(new Set(receipts.map(({ correlationId }) => correlationId)).size).toBe(3);
  });

  test.each([
    ['the tenant does not answer one', 'upstream_timeout', 'upstream_unavailable'],
    ['the user is gone', 'user_not_found', 'user_not_found'],
  ] as const)('sends no further write once %s', async (_when, code, rest) => {
    const world = await createBusyWorld();
    const outcomes = group(world).map((write) => write.catch((error: unknown) => error));
    world.beforeChange((changes) => {
      if (Object.keys(changes).length > 1) throw new AppError('metadata_invalid', 'not by this tenant');
      if (!Object.hasOwn(changes, 'bad')) return;
      const unknown = code === 'upstream_timeout' ? ({ outcome: 'unknown' } as const) : {};
      throw new AppError(code, 'no answer', unknown);
    });
    await world.finish();
    const [first, ...others] = await Promise.all(outcomes);
    expect(first).toMatchObject({ userMetadata: { a: 1 } });
    expect(others).toEqual([code, rest, rest].map((each) => expect.objectContaining({ code: each })));
    expect(world.asked.at(-2)).toBe('change {"bad":1}');
  });

  test('sends no further write after the deadline of the group', async () => {
    const world = await createBusyWorld();
    const outcomes = group(world).map((write) => write.catch((error: unknown) => error));
    world.beforeChange((changes) => {
      if (Object.keys(changes).length > 1) throw new AppError('metadata_invalid', 'not by this tenant');
      if (Object.hasOwn(changes, 'a')) world.clock.advance(7_000);
    });
    await world.finish();
    const [first, ...others] = await Promise.all(outcomes);
    expect(first).toMatchObject({ userMetadata: { a: 1 } });
    expect(others).toEqual(others.map(() => expect.objectContaining({ code: 'upstream_unavailable' })));
    expect(world.asked.at(-2)).toBe('change {"a":1}');
  });
});

test('others go on between two writes of a group, and between two of its answers', async () => {
  const world = await createBusyWorld();
  const before = world.pauses();
  const writes = [1, 2, 3, 4].map((n) => world.service.patch(JANE, { [`k${n}`]: n }));
  await world.finish();
  await Promise.all(writes);
  expect(world.pauses() - before).toBe(3 + 3);
});

describe('a change made elsewhere meanwhile', () => {
  test('to another key is kept, and is part of the answer', async () => {
    const world = createServiceWorld({ stored: { a: { x: 1 }, b: 1 } });
    world.beforeChange(() => world.edit({ b: 2, dashboard: true }));
    const { userMetadata } = await world.service.patch(JANE, { a: { y: 2 } });
    expect(userMetadata).toEqual({ a: { x: 1, y: 2 }, b: 2, dashboard: true });
    expect(world.stored()).toEqual(userMetadata);
    expect(world.concurrentChanges()).toBe(1);
  });

  test('is not suspected where the document is what the change makes of it', async () => {
    const world = createServiceWorld({ stored: { a: { x: 1 }, b: 1 } });
    await world.service.patch(JANE, { a: { y: 2 } });
    await world.service.removeKey(JANE, 'b');
    expect(world.concurrentChanges()).toBe(0);
  });

  test('of the same key cannot be told from its absence', async () => {
    const world = createServiceWorld({ stored: { a: { x: 1 } } });
    world.beforeChange(() => world.edit({ a: { x: 1, elsewhere: true } }));
    const { userMetadata } = await world.service.patch(JANE, { a: { y: 2 } });
    expect(userMetadata).toEqual({ a: { x: 1, y: 2 } });
    expect(world.concurrentChanges()).toBe(0);
  });

  test('is the answer to every write of the commit that succeeded', async () => {
    const world = await createBusyWorld();
    const writes = [world.service.patch(JANE, { a: 1 }), world.service.patch(JANE, { b: 1 })];
    world.beforeChange((changes) => {
      if (Object.hasOwn(changes, 'a')) world.edit({ dashboard: true });
    });
    await world.finish();
    const documents = (await Promise.all(writes)).map(({ userMetadata }) => userMetadata);
    expect(documents).toEqual([world.stored(), world.stored()]);
    expect(world.stored()).toMatchObject({ a: 1, b: 1, dashboard: true });
  });
});

describe('stored names that are members of every object', () => {
  const stored: JsonObject = JSON.parse(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{}},"a":{"b":1}}',
  );

  test('stay as they are through every kind of write, and pollute nothing', async () => {
    const world = createServiceWorld({ stored });
    await world.service.patch(JANE, { a: { c: 2 } });
    await world.service.replaceKey(JANE, 'd', 1);
    await world.service.removeKey(JANE, 'd');
    await world.service.applyPatch(JANE, [{ op: 'add', path: '/a/e', value: 3 }]);
    const { userMetadata } = await world.service.mergeRoot(JANE, { f: 1 });
    expect(Object.keys(world.stored()).toSorted()).toEqual(['__proto__', 'a', 'constructor', 'f']);
    expect(JSON.stringify(userMetadata)).toContain('"__proto__":{"polluted":1}');
    expect(Object.getPrototypeOf(userMetadata)).toBe(Object.prototype);
    expect(['polluted' in {}, 'polluted' in userMetadata]).toEqual([false, false]);
  });

  test('are removed with the whole', async () => {
    const world = createServiceWorld({ stored });
    await world.service.remove(JANE);
    expect(Object.keys(world.stored())).toEqual([]);
  });

  test('are missing where they are not stored', async () => {
    const world = createServiceWorld();
    const preconditions = [{ kind: 'if-match', tags: 'any' }] as const;
    const missing = await appErrorOf(world.service.replaceKey(JANE, 'toString', 1, { preconditions }));
    expect(missing.code).toBe('precondition_failed');
  });
});

test('an oversized document that others have stored may shrink by a write, and not grow', async () => {
  const stored = { a: 'x'.repeat(5_000), b: 'y'.repeat(5_000) };
  const world = createServiceWorld({ stored });
  expect((await appErrorOf(world.service.patch(JANE, { c: { d: 1 } }))).code).toBe('metadata_too_large');
  await world.service.patch(JANE, { a: { short: true }, c: { d: 1 } });
  expect(Object.keys(world.stored()).toSorted()).toEqual(['a', 'b', 'c']);
});
