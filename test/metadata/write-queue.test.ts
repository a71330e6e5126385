import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { createWriteQueue, type Outcome } from '../../src/metadata/commit.ts';
import { createDeferred, type Deferred, quiet } from '../lib/deferred.ts';

interface Group {
  readonly userId: string;
  readonly writes: readonly string[];
  readonly outcome: Deferred<ReadonlyArray<Outcome<string>>>;
}

const WITHOUT_PAUSES = { pause: () => Promise.resolve() };

/** A queue whose commits are listed and end when a test says so. */
function createWorld() {
  const groups: Group[] = [];
  const queue = createWriteQueue<string, string>((userId, writes) => {
    const outcome = createDeferred<ReadonlyArray<Outcome<string>>>();
    groups.push({ userId, writes, outcome });
    return outcome.promise;
  }, WITHOUT_PAUSES);
  const succeed = (group: Group | undefined) =>
    group?.outcome.resolve(group.writes.map((write) => ({ result: `${write} done` })));
  return { groups, queue, succeed };
}

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  await quiet();
  process.off('unhandledRejection', note);
  if (unhandled.length > 0) throw new Error('a rejection went unhandled', { cause: unhandled });
});

describe('writes of one user', () => {
  test('go out at once when nothing is under way, and together in their order when something is', async () => {
    const { groups, queue, succeed } = createWorld();
    const results = ['a', 'b', 'c', 'd'].map((write) => queue.submit('jane', write));
    expect(groups.map(({ writes }) => writes)).toEqual([['a']]);
    succeed(groups[0]);
    await quiet();
    expect(groups.map(({ writes }) => writes)).toEqual([['a'], ['b', 'c', 'd']]);
    const late = queue.submit('jane', 'e');
    succeed(groups[1]);
    expect(await Promise.all(results)).toEqual(['a done', 'b done', 'c done', 'd done']);
    await quiet();
    succeed(groups[2]);
    expect([await late, groups.length]).toEqual(['e done', 3]);
  });

  test('each get their own outcome of the commit they shared', async () => {
    const { groups, queue, succeed } = createWorld();
    const first = queue.submit('jane', 'a');
    const shared = Promise.allSettled(['b', 'c', 'd'].map((write) => queue.submit('jane', write)));
    succeed(groups[0]);
    await first;
    await quiet();
    const refusal = new Error('refused');
    groups[1]?.outcome.resolve([{ result: 'b done' }, { error: refusal }, { result: 'd done' }]);
    expect(await shared).toEqual([
      { status: 'fulfilled', value: 'b done' },
      { status: 'rejected', reason: refusal },
      { status: 'fulfilled', value: 'd done' },
    ]);
  });

  test('all fail alike when the commit throws, and the next ones go on', async () => {
    const { groups, queue, succeed } = createWorld();
    const first = Promise.allSettled([queue.submit('jane', 'a')]);
    const waiting = Promise.allSettled(['b', 'c'].map((write) => queue.submit('jane', write)));
    const failure = new Error('failed');
    groups[0]?.outcome.reject(failure);
    expect(await first).toEqual([{ status: 'rejected', reason: failure }]);
    await quiet();
    groups[1]?.outcome.reject(failure);
    expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const next = queue.submit('jane', 'd');
    succeed(groups[2]);
    expect(await next).toBe('d done');
  });

  test('fail when the commit throws before it has begun', async () => {
    const queue = createWriteQueue<string, string>(() => {
      throw new Error('at once');
    }, WITHOUT_PAUSES);
    await expect(queue.submit('jane', 'a')).rejects.toThrow('at once');
    await expect(queue.submit('jane', 'b')).rejects.toThrow('at once');
  });

  test('fail for which the commit forgot an outcome', async () => {
    const { groups, queue } = createWorld();
    const first = queue.submit('jane', 'a');
    groups[0]?.outcome.resolve([]);
    await expect(first).rejects.toThrow('too few outcomes');
  });

  test('may end with a result that is undefined', async () => {
    const queue = createWriteQueue<string, undefined>(
      async (_userId, writes) => writes.map(() => ({ result: undefined })),
      WITHOUT_PAUSES,
    );
    expect(await queue.submit('jane', 'a')).toBeUndefined();
  });
});

test('two users never wait for each other', async () => {
  const { groups, queue, succeed } = createWorld();
  const jane = queue.submit('jane', 'a');
  const omar = queue.submit('omar', 'b');
  expect(groups.map(({ userId }) => userId)).toEqual(['jane', 'omar']);
  succeed(groups[1]);
  expect(await omar).toBe('b done');
  succeed(groups[0]);
  expect(await jane).toBe('a done');
});

test('a user named like a member of every object is a user like any other', async () => {
  const { groups, queue, succeed } = createWorld();
  const written = ['__proto__', 'constructor'].map((userId) => queue.submit(userId, 'a'));
  groups.forEach(succeed);
  expect(await Promise.all(written)).toEqual(['a done', 'a done']);
});

test('once all is quiet, the next write of a user goes out at once and alone', async () => {
  const { groups, queue, succeed } = createWorld();
  const first = queue.submit('jane', 'a');
  succeed(groups[0]);
  await first;
  await quiet();
  void queue.submit('jane', 'b').catch(() => undefined);
  expect(groups.map(({ writes }) => writes)).toEqual([['a'], ['b']]);
});

test('whatever the order of events, each write is committed once, in order, one group at a time', async () => {
  const write = fc.tuple(fc.constantFrom('jane', 'omar'), fc.constantFrom('ok', 'refused', 'throws'));
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(write, { maxLength: 12 }), async (scheduler, writes) => {
      const committed: Array<[string, number]> = [];
      const busy = new Set<string>();
      const queue = createWriteQueue<number, string>(async (userId, group) => {
        expect(busy.has(userId)).toBe(false);
        busy.add(userId);
        group.forEach((index) => committed.push([userId, index]));
        await scheduler.schedule(Promise.resolve(), 'commit ends');
        busy.delete(userId);
        if (group.some((index) => writes[index]?.[1] === 'throws')) throw new Error('thrown');
        return group.map((index) =>
          writes[index]?.[1] === 'ok' ? { result: String(index) } : { error: new Error(String(index)) },
        );
      }, WITHOUT_PAUSES);
      const submitted: Array<[string, number]> = [];
      const outcomes = writes.map(async ([userId], index) => {
        await scheduler.schedule(Promise.resolve(), 'write arrives');
        submitted.push([userId, index]);
        return queue.submit(userId, index).catch((error: unknown) => String(error));
      });
      const settled = await scheduler.waitFor(Promise.all(outcomes));
      const own = writes.map(([, fate], index) => (fate === 'ok' ? String(index) : `Error: ${index}`));
      const told = settled.map((outcome, index) => (outcome === 'Error: thrown' ? own[index] : outcome));
      expect(told).toEqual(own);
      for (const user of ['jane', 'omar']) {
        const of = (list: Array<[string, number]>) => list.filter(([userId]) => userId === user);
        expect(of(committed)).toEqual(of(submitted));
      }
    }),
    { numRuns: 100 },
  );
});

test('each group is committed in the asynchronous context of its first write', async () => {
  const caller = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const first = createDeferred<void>();
  const queue = createWriteQueue<string, string>(async (_userId, writes) => {
    seen.push([caller.getStore(), writes]);
    if (seen.length === 1) await first.promise;
    return writes.map((write) => ({ result: write }));
  }, WITHOUT_PAUSES);
  const submit = (name: string) => caller.run(name, () => queue.submit('jane', name));
  const all = ['one', 'two', 'three'].map(submit);
  first.resolve();
  await Promise.all(all);
  expect(seen).toEqual([
    ['one', ['one']],
    ['two', ['two', 'three']],
  ]);
});
