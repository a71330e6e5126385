/**
 * Two replicas over one shared store and one tenant, in which a scheduler decides when each message
 * arrives. What the replicas answer is checked against what the tenant holds.
 */
import type * as fc from 'fast-check';
import type { CacheStore, createMemoryStore } from '../../src/cache/memory-store.ts';
import type { createMetadataCache } from '../../src/cache/metadata-cache.ts';
import { AppError } from '../../src/lib/app-error.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import type { Profile, UserDirectory } from '../../src/metadata/ports.ts';
import type { createMetadataService } from '../../src/metadata/service.ts';
import { createManualClock } from '../lib/manual-clock.ts';
import { freeLock, freeRules, GENERAL } from '../metadata/rules.ts';

/** The code under test, so that a mutant can take the place of any part. */
export interface Parts {
  readonly createMemoryStore: typeof createMemoryStore;
  readonly createMetadataCache: typeof createMetadataCache;
  readonly createMetadataService: typeof createMetadataService;
}

/** What becomes of a change at the tenant: done, refused, or unanswered in either way. */
export type Fate = 'applied' | 'refused' | 'applied-unanswered' | 'lost';

export type Action =
  | { readonly kind: 'read'; readonly replica: 0 | 1; readonly revalidate: boolean }
  | { readonly kind: 'write'; readonly replica: 0 | 1; readonly nested: boolean; readonly fate: Fate }
  | { readonly kind: 'age' };

export interface Program {
  readonly actions: readonly Action[];
  /** Messages whose arrival is a turn of the scheduler. The others arrive at once. */
  readonly slow: readonly Message[];
}

const OPERATIONS = [
  'store.read',
  'store.lease',
  'store.fill',
  'store.invalidate',
  'users.read',
  'users.change',
] as const;
type Operation = (typeof OPERATIONS)[number];
export type Message = `${Operation} asked` | `${Operation} answered` | 'announcement';

export const MESSAGES: readonly Message[] = [
  ...OPERATIONS.flatMap((operation) => [`${operation} asked`, `${operation} answered`] as const),
  'announcement',
];

const JANE = { userId: 'auth0|jane', clientId: undefined, ...GENERAL };
const FRESHNESS = { ttlSeconds: 60, staleSeconds: 86_400, staleIfErrorSeconds: 0, maxEntries: 10 };

/** Runs the actions in the order that the scheduler chooses. @throws Error at the first broken promise. */
export async function simulate(
  parts: Parts,
  scheduler: fc.Scheduler,
  { actions, slow }: Program,
): Promise<void> {
  const clock = createManualClock();
  const sharedTier = parts.createMemoryStore<Profile>({ maxEntries: 10 });
  let stored: JsonObject = {};

  /** Resolves when the message has arrived: at once, or when the scheduler says so. */
  async function travel(replica: string, message: Message): Promise<void> {
    if (slow.includes(message)) await scheduler.schedule(Promise.resolve(), `${replica}: ${message}`);
  }

  /** A request and its answer: what happens there happens at one moment in between. */
  async function roundTrip<T>(replica: string, operation: Operation, act: () => T | Promise<T>): Promise<T> {
    await travel(replica, `${operation} asked`);
    const outcome = await Promise.resolve()
      .then(act)
      .then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
    await travel(replica, `${operation} answered`);
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  function tierSeenBy(replica: string): CacheStore<Profile> {
    const ask = <T>(operation: Operation, act: () => Promise<T>) => roundTrip(replica, operation, act);
    return {
      toKey: (id) => sharedTier.toKey(id),
      read: (key) => ask('store.read', () => sharedTier.read(key)),
      lease: (key, force) => ask('store.lease', () => sharedTier.lease(key, force)),
      fill: (key, entry, lease) => ask('store.fill', () => sharedTier.fill(key, entry, lease)),
      release: (key, lease) => ask('store.fill', () => sharedTier.release(key, lease)),
      waitForLease: (key) => ask('store.read', () => sharedTier.waitForLease(key)),
      invalidate: (key, successor) => ask('store.invalidate', () => sharedTier.invalidate(key, successor)),
      epoch: () => sharedTier.epoch(),
      onInvalidation(listener) {
        sharedTier.onInvalidation((key) => {
          void travel(replica, 'announcement').then(() => listener(key));
        });
      },
    };
  }

  function profile(): Profile {
    return { userMetadata: stored, appMetadata: {}, updatedAt: undefined };
  }

  function apply(changes: JsonObject, fate: Fate): Profile {
    if (fate === 'refused') throw new AppError('upstream_refused', 'refused');
    if (fate !== 'lost') stored = { ...stored, ...changes };
    if (fate === 'applied') return profile();
    throw new AppError('upstream_timeout', 'no answer', { outcome: 'unknown' });
  }

  function startReplica(replica: string) {
    const fates: Fate[] = [];
    const directory: UserDirectory = {
      read: () => roundTrip(replica, 'users.read', profile),
      async change(_userId, changes, { beforeSending }) {
        const fate = fates.shift() ?? 'applied';
        await beforeSending?.();
        return roundTrip(replica, 'users.change', () => apply(changes, fate));
      },
      clear: () => Promise.reject(new Error('nothing here stores what is no object')),
    };
    const cache = parts.createMetadataCache(
      { store: tierSeenBy(replica), load: (userId, options) => directory.read(userId, options), clock },
      FRESHNESS,
    );
    const dependencies = { directory, cache, lock: freeLock, clock, pause: async () => undefined };
    const service = parts.createMetadataService(dependencies, freeRules());
    /** What this replica has told its callers to be stored. */
    const answered = new Set<string>();

    async function read(revalidate: boolean): Promise<void> {
      const expected = [...answered];
      const seen = (await service.read(JANE, { revalidate })).value.userMetadata;
      const missing = expected.filter((key) => !Object.hasOwn(seen, key));
      if (missing.length > 0) throw new Error(`${replica} does not read its own writes: ${missing.join()}`);
    }

    async function write(key: string, nested: boolean, fate: Fate): Promise<void> {
      fates.push(fate);
      try {
        await service.patch(JANE, { [key]: nested ? { deep: true } : true });
      } catch (error) {
        if (error instanceof AppError) return;
        throw error;
      }
      answered.add(key);
      const later = scheduler.schedule(Promise.resolve(), `${replica}: a later reader begins`);
      await Promise.all([read(false), later.then(() => read(false))]);
    }

    async function assertLatest(): Promise<void> {
      const seen = (await service.read(JANE)).value.userMetadata;
      const [sees, is] = [Object.keys(seen).toSorted().join(), Object.keys(stored).toSorted().join()];
      if (sees !== is) throw new Error(`when all is quiet, ${replica} reads [${sees}] and not [${is}]`);
    }

    return { read, write, assertLatest };
  }

  const replicas = [startReplica('A'), startReplica('B')] as const;

  async function run(action: Action, index: number): Promise<void> {
    await scheduler.schedule(Promise.resolve(), `action ${index} begins`);
    if (action.kind === 'age') clock.advance(FRESHNESS.ttlSeconds * 1000);
    else if (action.kind === 'read') await replicas[action.replica].read(action.revalidate);
    else await replicas[action.replica].write(`w${index}`, action.nested, action.fate);
  }

  await scheduler.waitFor(Promise.all(actions.map(run)));
  await scheduler.waitIdle();
  await scheduler.waitFor(replicas[0].assertLatest());
  await scheduler.waitFor(replicas[1].assertLatest());
  // A replica that starts now sees what the store holds and nothing else.
  await scheduler.waitFor(startReplica('C').assertLatest());
}
