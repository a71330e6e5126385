import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../src/lib/app-error.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import type { Freshness, WatchReason } from '../../src/metadata/ports.ts';
import { represent } from '../../src/metadata/representation.ts';
import { createMetadataWatch } from '../../src/metadata/watch.ts';
import { quiet } from '../lib/deferred.ts';
import { GENERAL } from './rules.ts';

const OPTIONS = { coalesceMs: 50, spreadMs: 1_000, retryMs: 100, maxRetryMs: 400 };
const JANE = { userId: 'auth0|jane', clientId: undefined, ...GENERAL };
const FRESH: Freshness = { kind: 'miss', stored: true };

/** A user whose metadata a test changes, with alarms that ring when it says so. */
async function createWorld(lastSeen?: string) {
  /** Undefined stands for something that is no object. */
  let document: JsonObject | undefined = { theme: 'dark' };
  let freshness = FRESH;
  let failure: Error | undefined;
  let reads = 0;
  let hear: ((reason: WatchReason) => void) | undefined;
  let alarms: Array<{ readonly ms: number; readonly task: () => void }> = [];
  const told: unknown[] = [];

  const watch = createMetadataWatch(
    {
      cache: {
        watch(_id, listener) {
          hear = listener;
          return () => {
            hear = undefined;
          };
        },
      },
      service: {
        async read() {
          reads += 1;
          if (failure) throw failure;
          const value = {
            userMetadata: document ?? {},
            counted: document ?? {},
            appMetadata: {},
            updatedAt: undefined,
            staleClaims: undefined,
            ...(document === undefined ? ({ isUnreadable: true } as const) : {}),
          };
          return { value, freshness, ageSeconds: 0 };
        },
      },
      setTimer(ms, task) {
        const alarm = { ms, task };
        alarms.push(alarm);
        return () => {
          alarms = alarms.filter((other) => other !== alarm);
        };
      },
      random: () => 0.5,
    },
    OPTIONS,
  );
  const watching = await watch.begin(JANE, lastSeen, {
    updated: ({ keys }) => told.push(keys),
    gone: () => told.push('gone'),
  });

  return {
    watching,
    told,
    reads: () => reads,
    watched: () => hear !== undefined,
    pauses: () => alarms.map(({ ms }) => ms),
    announce: (reason: WatchReason = 'changed') => hear?.(reason),
    set(next: JsonObject | undefined, kind = FRESH) {
      document = next;
      freshness = kind;
      failure = undefined;
    },
    fail(error: Error) {
      failure = error;
    },
    /** Lets every alarm that is set ring. */
    async ring() {
      for (const { task } of alarms.splice(0)) task();
      await quiet();
    },
  };
}

describe('an announcement', () => {
  test('is looked into a moment later, once for all that came meanwhile', async () => {
    const world = await createWorld();
    world.set({ theme: 'light', added: true });
    for (const _ of Array(20)) world.announce();
    expect(world.pauses()).toEqual([50]);
    await world.ring();
    expect([world.told, world.reads()]).toEqual([[['added', 'theme']], 2]);
  });

  test('of metadata that is no object any more is told, and so is its end', async () => {
    const world = await createWorld();
    for (const state of [undefined, {}, { theme: 'dark' }]) {
      world.set(state);
      world.announce();
      await world.ring();
    }
    expect(world.told).toEqual([['theme'], [], ['theme']]);
  });

  test('of a state that looks the same is not told', async () => {
    const world = await createWorld();
    world.announce();
    await world.ring();
    expect([world.told, world.pauses()]).toEqual([[], []]);
  });

  test('that may have been one of many is looked into over a longer time, but not when one is certain', async () => {
    const world = await createWorld();
    world.announce('missed');
    expect(world.pauses()).toEqual([550]);
    world.announce('changed');
    expect(world.pauses()).toEqual([50]);
  });

  test('during a look has another look follow', async () => {
    const world = await createWorld();
    world.announce();
    const looking = world.ring();
    world.announce();
    world.set({ theme: 'late' });
    await looking;
    expect(world.pauses()).toEqual([50]);
    await world.ring();
    expect(world.told).toEqual([['theme']]);
  });
});

describe('a look that fails', () => {
  test('is repeated, later and later, until it succeeds', async () => {
    const world = await createWorld();
    world.fail(new AppError('upstream_timeout', 'failed'));
    world.announce();
    const pauses: number[] = [];
    for (const _ of Array(5)) {
      await world.ring();
      pauses.push(...world.pauses());
    }
    expect(pauses).toEqual([75, 150, 300, 300, 300]);
    world.set({ theme: 'light' });
    await world.ring();
    expect([world.told, world.pauses()]).toEqual([[['theme']], []]);
  });

  test('does not delay an announcement that comes meanwhile', async () => {
    const world = await createWorld();
    world.fail(new AppError('upstream_timeout', 'failed'));
    world.announce();
    await world.ring();
    world.announce();
    expect(world.pauses()).toEqual([50]);
  });

  test.each(['stale-if-error', 'stale-while-revalidate'] as const)(
    'or brings a copy that is %s is repeated, too',
    async (kind) => {
      const world = await createWorld();
      world.set({ theme: 'dark' }, { kind, ttlSeconds: -1 });
      world.announce('missed');
      await world.ring();
      expect(world.pauses()).toEqual([75]);
      world.set({ theme: 'light' });
      await world.ring();
      expect(world.told).toEqual([['theme']]);
    },
  );

  test('because the user is gone ends the watch', async () => {
    const world = await createWorld();
    world.fail(new AppError('user_not_found', 'gone'));
    world.announce();
    await world.ring();
    expect([world.told, world.watched(), world.pauses()]).toEqual([['gone'], false, []]);
  });

  test('at the beginning is the caller’s to know, and nothing is left behind', async () => {
    const failing = createMetadataWatch(
      {
        cache: { watch: () => () => undefined },
        service: { read: () => Promise.reject(new AppError('upstream_unavailable', 'failed')) },
        setTimer: () => () => undefined,
        random: () => 0.5,
      },
      OPTIONS,
    );
    const begun = failing.begin(JANE, undefined, { updated: () => undefined, gone: () => undefined });
    await expect(begun).rejects.toMatchObject({ code: 'upstream_unavailable' });
  });
});

describe('who comes back', () => {
  const { etag } = represent({ theme: 'dark' });

  test.each([
    [undefined, undefined],
    [etag, undefined],
    ['"another"', { etag, keys: ['theme'] }],
    ['not even a tag', { etag, keys: ['theme'] }],
  ])('having last seen %s has missed %j', async (lastSeen, missed) => {
    const { watching } = await createWorld(lastSeen);
    expect(watching).toMatchObject({ etag, missed });
  });

  test('and leaves hears no more', async () => {
    const world = await createWorld();
    world.announce();
    world.watching.end();
    expect([world.watched(), world.pauses()]).toEqual([false, []]);
  });
});
