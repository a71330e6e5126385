/** What every shared store of the cache promises (src/cache/memory-store.ts). Each implementation runs this suite. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheEntry, CacheStore, Lease } from '../../src/cache/memory-store.ts';

/** A value as rich as JSON, because a store may have to write it down. */
export interface StoredValue {
  readonly text: string;
  readonly nested: { readonly list: readonly number[]; readonly nothing: null };
}

export interface StartedStore {
  /** Two views of one store, as two replicas have them. A store of one process answers the same twice. */
  readonly here: CacheStore<StoredValue>;
  readonly there: CacheStore<StoredValue>;
  /** Resolves when every announcement made so far has been delivered. */
  readonly delivered: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts an empty store that holds and remembers at least `maxEntries` ids. */
export type StartStore = (options: { readonly maxEntries: number }) => Promise<StartedStore>;

const ODD_IDS = [
  'auth0|a/b c%3A',
  'samlp|acme|user@example.com',
  'google-oauth2|1🙂',
  'oauth2|é',
  'auth0|a:b{c}*?[d]',
  '__proto__',
  'constructor',
  'auth0|"quoted"\\',
  'x'.repeat(512),
];

function entry(text: string, askedAt = 1_700_000_000_000): CacheEntry<StoredValue> {
  return { value: { text, nested: { list: [1, 2.5], nothing: null } }, askedAt };
}

async function take(store: CacheStore<StoredValue>, key: string): Promise<Lease> {
  const lease = await store.lease(key, false);
  if (lease === undefined) throw new Error('expected that no reader holds the lease');
  return lease;
}

export function describeStore(name: string, startTier: StartStore): void {
  describe(`${name} as a store of the cache`, () => {
    const stops: Array<() => Promise<void>> = [];
    afterEach(async () => {
      await Promise.all(stops.splice(0).map((stop) => stop()));
    });

    async function start(maxEntries = 100) {
      const { here, there, delivered, stop } = await startTier({ maxEntries });
      stops.push(stop);
      const [jane, omar] = [here.toKey('auth0|jane'), here.toKey('auth0|omar')];
      return { here, there, delivered, jane, omar };
    }

    test('holds nothing at first', async () => {
      const { here, jane } = await start();
      expect(await here.read(jane)).toBeUndefined();
    });

    test('answers to every replica what one of them filled in', async () => {
      const { here, there, jane } = await start();
      await here.fill(jane, entry('first'), await take(here, jane));
      expect(await here.read(jane)).toEqual(entry('first'));
      expect(await there.read(jane)).toEqual(entry('first'));
    });

    test('takes a later fill in place of an earlier one', async () => {
      const { here, jane } = await start();
      await here.fill(jane, entry('first', 1), await take(here, jane));
      await here.fill(jane, entry('second', 2), await take(here, jane));
      expect(await here.read(jane)).toEqual(entry('second', 2));
    });

    test('holds nothing after an invalidation', async () => {
      const { here, there, jane } = await start();
      await here.fill(jane, entry('first'), await take(here, jane));
      await there.invalidate(jane);
      expect(await here.read(jane)).toBeUndefined();
      expect(await there.read(jane)).toBeUndefined();
    });

    test('refuses a fill whose lease is older than an invalidation, by whichever replica', async () => {
      const { here, there, jane } = await start();
      const lease = await take(here, jane);
      await there.invalidate(jane);
      await here.fill(jane, entry('overtaken'), lease);
      expect(await here.read(jane)).toBeUndefined();
    });

    test('refuses an overtaken fill also after a later reader has filled', async () => {
      const { here, jane } = await start();
      const overtaken = await take(here, jane);
      await here.invalidate(jane);
      await here.fill(jane, entry('new'), await take(here, jane));
      await here.fill(jane, entry('overtaken'), overtaken);
      expect(await here.read(jane)).toEqual(entry('new'));
    });

    test('takes a fill whose lease was taken after the last of several invalidations', async () => {
      const { here, jane } = await start();
      await here.invalidate(jane);
      await here.invalidate(jane);
      await here.fill(jane, entry('new'), await take(here, jane));
      expect(await here.read(jane)).toEqual(entry('new'));
    });

    test('invalidates one user and leaves every other alone', async () => {
      const { here, jane, omar } = await start();
      const lease = await take(here, omar);
      await here.fill(jane, entry('jane'), await take(here, jane));
      await here.invalidate(here.toKey('auth0|other'));
      await here.fill(omar, entry('omar'), lease);
      expect(await here.read(jane)).toEqual(entry('jane'));
      expect(await here.read(omar)).toEqual(entry('omar'));
    });

    test('refuses an overtaken fill however many others were invalidated since', async () => {
      const { here, jane } = await start(10);
      const lease = await take(here, jane);
      await here.invalidate(jane);
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => here.invalidate(here.toKey(`auth0|${index}`))),
      );
      await here.fill(jane, entry('overtaken'), lease);
      expect(await here.read(jane)).toBeUndefined();
      await here.fill(jane, entry('new'), await take(here, jane));
      expect(await here.read(jane)).toEqual(entry('new'));
    });

    test('announces each invalidation to every listener of every replica', async () => {
      const { here, there, delivered, jane } = await start();
      const heard: string[] = [];
      here.onInvalidation((id) => heard.push(`here ${id}`));
      here.onInvalidation((id) => heard.push(`here too ${id}`));
      there.onInvalidation((id) => heard.push(`there ${id}`));
      await here.invalidate(jane);
      await delivered();
      expect(heard.toSorted()).toEqual([`here ${jane}`, `here too ${jane}`, `there ${jane}`].toSorted());
    });

    test('announces nothing when an entry is read or filled', async () => {
      const { here, there, delivered, jane } = await start();
      const heard: string[] = [];
      there.onInvalidation((id) => heard.push(id));
      await here.fill(jane, entry('first'), await take(here, jane));
      await here.read(jane);
      await delivered();
      expect(heard).toEqual([]);
    });

    test('gives a lease to one at a time, and lets the others wait for what comes of it', async () => {
      const { here, there, jane, omar } = await start();
      const lease = await take(here, jane);
      expect(await there.lease(jane, false)).toBeUndefined();
      expect(await there.lease(omar, false)).toBeDefined();
      const waiting = there.waitForLease(jane);
      await here.fill(jane, entry('first'), lease);
      await waiting;
      expect(await there.read(jane)).toEqual(entry('first'));
    });

    test('puts a successor in the place of what it drops, and announces it all the same', async () => {
      const { here, there, delivered, jane } = await start();
      await here.fill(jane, entry('before'), await take(here, jane));
      const lease = await take(here, jane);
      const heard: string[] = [];
      there.onInvalidation((id) => heard.push(id));
      await here.invalidate(jane, { entry: { ...entry('after'), announced: true }, lease });
      await delivered();
      expect(await there.read(jane)).toEqual({ ...entry('after'), announced: true });
      expect(heard).toEqual([jane]);
      await take(there, jane);
    });

    test.each<[string, (there: CacheStore<StoredValue>, jane: string) => Promise<unknown>]>([
      ['an invalidation', (there, jane) => there.invalidate(jane)],
      ['a reader who took the lease away', (there, jane) => there.lease(jane, true)],
    ])('drops, and keeps no successor, after %s', async (_what, overtake) => {
      const { here, there, jane } = await start();
      await here.fill(jane, entry('before'), await take(here, jane));
      const lease = await take(here, jane);
      await overtake(there, jane);
      await here.invalidate(jane, { entry: entry('overtaken'), lease });
      expect(await there.read(jane)).toBeUndefined();
    });

    test('voids every other lease when a successor comes', async () => {
      const { here, there, jane } = await start();
      const overtaken = await take(there, jane);
      const lease = (await here.lease(jane, true)) ?? 0;
      await here.invalidate(jane, { entry: entry('after'), lease });
      await there.fill(jane, entry('overtaken'), overtaken);
      expect(await here.read(jane)).toEqual(entry('after'));
    });

    test('gives a lease again when it was given up, used, or is taken away', async () => {
      const { here, there, jane } = await start();
      await here.release(jane, await take(here, jane));
      await here.fill(jane, entry('first'), await take(there, jane));
      await take(here, jane);
      expect(await there.lease(jane, true)).toBeDefined();
    });

    test('takes no fill with a lease that was given up and overtaken', async () => {
      const { here, there, jane } = await start();
      const lease = await take(here, jane);
      await here.release(jane, lease);
      await there.invalidate(jane);
      await here.fill(jane, entry('overtaken'), lease);
      expect(await there.read(jane)).toBeUndefined();
    });

    test('is in one and the same epoch as long as no announcement can have been missed', async () => {
      const { here, delivered, jane } = await start();
      const epoch = here.epoch();
      expect(epoch).toBeDefined();
      await here.invalidate(jane);
      await delivered();
      expect(here.epoch()).toBe(epoch);
    });

    test.each(ODD_IDS)('keeps the id %j apart, under one key on every replica', async (id) => {
      const { here, there, delivered } = await start();
      const key = here.toKey(id);
      const heard: string[] = [];
      there.onInvalidation((invalidated) => heard.push(invalidated));
      const others = ODD_IDS.filter((other) => other !== id).map((other) => there.toKey(other));
      await here.fill(key, entry(id), await take(here, key));
      expect(await Promise.all(others.map((other) => there.read(other)))).toEqual(
        others.map(() => undefined),
      );
      expect(await there.read(there.toKey(id))).toEqual(entry(id));
      await here.invalidate(key);
      await delivered();
      expect(heard).toEqual([key]);
      expect(await there.read(key)).toBeUndefined();
    });
  });
}
