/** The metadata service over a tenant of one user, which records in order what it is asked. */
import type { JsonObject } from '../../src/lib/json.ts';
import type { MetadataCache, Profile, Subject, UserDirectory } from '../../src/metadata/ports.ts';
import { createMetadataService, type MetadataRules } from '../../src/metadata/service.ts';
import { createDeferred } from '../lib/deferred.ts';
import { createManualClock } from '../lib/manual-clock.ts';
import { freeLock, freeRules } from './rules.ts';

export const JANE: Subject = { userId: 'auth0|jane', clientId: undefined };

export interface WorldOptions {
  readonly stored?: JsonObject;
  /** What the cache holds, however old. */
  readonly cached?: JsonObject;
  readonly rules?: MetadataRules;
}

const profile = (userMetadata: JsonObject): Profile => ({
  userMetadata,
  appMetadata: {},
  updatedAt: undefined,
});

const nothing = (_changes: JsonObject): void => undefined;
const noRead = (): void => undefined;

export function createServiceWorld({ stored = {}, cached, rules = freeRules() }: WorldOptions = {}) {
  const asked: string[] = [];
  let document = stored;
  let onChange = nothing;
  let onRead: () => void = noRead;
  let gate = Promise.resolve();

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
      const kept = Object.entries(document).filter(([key]) => !Object.hasOwn(changes, key));
      const set = Object.entries(changes).filter(([, value]) => value !== null);
      document = Object.fromEntries([...kept, ...set]);
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
    { directory, cache, lock: freeLock, clock: createManualClock() },
    rules,
  );

  return {
    asked,
    service,
    stored: () => document,
    /** What happens at the tenant just before a change is applied; a throw is the tenant's failure. */
    beforeChange(act: (changes: JsonObject) => void) {
      onChange = act;
    },
    beforeRead(act: () => void) {
      onRead = act;
    },
    /** An edit by somebody else. */
    edit(changes: JsonObject) {
      document = { ...document, ...changes };
    },
    /** Holds every answer of the tenant until the returned function is called. */
    hold(): () => void {
      const { promise, resolve } = createDeferred<undefined>();
      gate = promise.then(() => undefined);
      return () => resolve(undefined);
    },
  };
}
