/** The metadata service over a tenant of one user, which records in order what it is asked. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/lib/json.ts';
import type { MetadataCache, Profile, Subject, UserDirectory } from '../../src/metadata/ports.ts';
import { createMetadataService, type MetadataRules } from '../../src/metadata/service.ts';
import { createDeferred } from '../lib/deferred.ts';
import { createManualClock } from '../lib/manual-clock.ts';
import { freeLock, freeRules, GENERAL } from './rules.ts';

export const JANE: Subject = { userId: 'auth0|jane', clientId: undefined, ...GENERAL };

export interface WorldOptions {
  readonly stored?: JsonValue;
  /** What the cache holds, however old. */
  readonly cached?: JsonObject;
  readonly rules?: MetadataRules;
}

const profile = (stored: JsonValue): Profile => ({
  userMetadata: isJsonObject(stored) ? stored : {},
  appMetadata: {},
  updatedAt: undefined,
  ...(isJsonObject(stored) ? {} : { isUnreadable: true }),
});

const nothing = (_changes: JsonObject): void => undefined;
const noRead = (): void => undefined;

export function createServiceWorld({ stored = {}, cached, rules = freeRules() }: WorldOptions = {}) {
  const asked: string[] = [];
  let document: JsonValue = stored;
  let onChange = nothing;
  let onRead: () => void = noRead;
  let gate = Promise.resolve();
  let pauses = 0;
  let concurrentChanges = 0;
  const clock = createManualClock();

  const directory: UserDirectory = {
    async read() {
      asked.push('read');
      await gate;
      onRead();
      return profile(document);
    },
    async change(_userId, changes, { beforeSending }) {
      await beforeSending?.();
      asked.push(`change ${JSON.stringify(changes)}`);
      await gate;
      onChange(changes);
      const before = isJsonObject(document) ? Object.entries(document) : [];
      const kept = before.filter(([key]) => !Object.hasOwn(changes, key));
      const set = Object.entries(changes).filter(([, value]) => value !== null);
      document = Object.fromEntries([...kept, ...set]);
      return profile(document);
    },
    async clear(_userId, { beforeSending }) {
      await beforeSending?.();
      asked.push('clear');
      await gate;
      document = {};
      return profile(document);
    },
  };
  const begin = async () => {
    asked.push('begin');
  };
  const cache: MetadataCache = {
    read: () => Promise.reject(new Error('a write must not read the cache')),
    watch: () => () => undefined,
    peek: () => (cached === undefined ? undefined : profile(cached)),
    async invalidate() {
      asked.push('invalidate');
    },
    invalidateUnless: () => Promise.reject(new Error('a write knows its own news')),
    change: (_userId, send) => send(begin).finally(() => asked.push('end')),
  };
  const service = createMetadataService(
    {
      directory,
      cache,
      lock: freeLock,
      clock,
      async pause() {
        pauses += 1;
      },
      onConcurrentChange() {
        concurrentChanges += 1;
      },
    },
    rules,
  );

  return {
    asked,
    service,
    clock,
    /** How often the service let others go on. */
    pauses: () => pauses,
    /** How often another change was found to have come between. */
    concurrentChanges: () => concurrentChanges,
    stored: (): JsonObject => (isJsonObject(document) ? document : {}),
    /** What happens at the tenant just before a change is applied; a throw is the tenant's failure. */
    beforeChange(act: (changes: JsonObject) => void) {
      onChange = act;
    },
    beforeRead(act: () => void) {
      onRead = act;
    },
    /** An edit by another program. */
    edit(changes: JsonObject) {
      document = isJsonObject(document) ? { ...document, ...changes } : changes;
    },
    /** Holds every answer of the tenant until the returned function is called. */
    hold(): () => void {
      const { promise, resolve } = createDeferred<undefined>();
      gate = promise.then(() => undefined);
      return () => resolve(undefined);
    },
  };
}
