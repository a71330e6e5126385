/**
 * Turns a user's waiting writes into at most one change at the tenant. Each write is judged on the
 * document that those before it produced, and one that is refused leaves the others alone.
 */
import { LRUCache } from 'lru-cache';
import { type JsonObject, type JsonValue, jsonBytes, jsonEqual, ownValue } from '../lib/json.ts';
import { rootChanges } from './changes.ts';
import { assertWithinLimits, type DocumentLimits } from './document.ts';
import type { Edit } from './edit.ts';
import type { MetadataCache, RootChanges, UserDirectory } from './ports.ts';
import { assertPrecondition, type Precondition } from './precondition.ts';
import type { Commit, Settled } from './write-queue.ts';

export interface Write {
  readonly edit: Edit;
  /** The top-level key that the write addresses, or undefined for the whole document. */
  readonly key: string | undefined;
  readonly preconditions: readonly Precondition[];
}

interface Dependencies {
  readonly directory: UserDirectory;
  readonly cache: MetadataCache;
}

interface Size {
  readonly bytes: number;
  readonly keys: number;
}

/**
 * A flat change to a user of whom we know nothing goes out without a read only if it is this small a
 * part of the limit, so that the limit can be overshot by that part at most. Its answer tells the size.
 */
const UNKNOWN_SIZE_SHARE = 1 / 64;
const SIZES_MAX = 20_000;

/** The resource that a write addresses, within `document`. */
export function resourceValue(document: JsonObject, key: string | undefined): JsonValue | undefined {
  return key === undefined ? document : ownValue(document, key);
}

/**
 * @returns a commit that answers, for each write, the whole document after it. It reads the tenant first
 * unless a lone write neither depends on what is stored nor could exceed the limits. If the tenant
 * refuses the change, or may or may not have applied it, every write that counted on it fails alike.
 */
export function createCommit(
  { directory, cache }: Dependencies,
  limits: DocumentLimits,
): Commit<Write, JsonObject> {
  /** Sizes seen in answers to writes, which never fill the cache. */
  const sizes = new LRUCache<string, Size>({ max: SIZES_MAX });

  async function change(userId: string, changes: RootChanges): Promise<JsonObject> {
    await cache.invalidate(userId);
    try {
      const { userMetadata } = await directory.change(userId, changes);
      sizes.set(userId, { bytes: jsonBytes(userMetadata), keys: Object.keys(userMetadata).length });
      return userMetadata;
    } finally {
      // Also after a failure: the tenant may have applied what it did not answer.
      await cache.invalidate(userId);
    }
  }

  function surelyFits(userId: string, changes: RootChanges): boolean {
    const held = cache.peek(userId)?.userMetadata;
    const known = held ? { bytes: jsonBytes(held), keys: Object.keys(held).length } : sizes.get(userId);
    const bytes = jsonBytes(changes);
    if (known === undefined) return bytes <= limits.bytesMax * UNKNOWN_SIZE_SHARE;
    return (
      known.bytes + bytes <= limits.bytesMax && known.keys + Object.keys(changes).length <= limits.keysMax
    );
  }

  function blindChanges(userId: string, writes: readonly Write[]): RootChanges | undefined {
    const [write] = writes;
    if (writes.length !== 1 || write === undefined || write.preconditions.length > 0) return undefined;
    const { blind } = write.edit;
    return blind !== undefined && surelyFits(userId, blind) ? blind : undefined;
  }

  return async function commit(userId, writes) {
    const blind = blindChanges(userId, writes);
    if (blind) return [{ result: await change(userId, blind) }];

    const base = (await directory.read(userId)).userMetadata;
    const verdicts = judge(writes, base, limits);
    const final = verdicts.at(-1)?.document ?? base;
    const changes = rootChanges(base, final);
    if (changes === undefined) return verdicts.map(({ settled }) => settled);
    try {
      const stored = await change(userId, changes);
      // Somebody else changed the user meanwhile: what the tenant holds is the answer for all.
      const foreign = !jsonEqual(stored, final);
      return verdicts.map(({ settled }) => (foreign && 'result' in settled ? { result: stored } : settled));
    } catch (error) {
      // A refusal reached over changes that did not happen is void, like the successes.
      return verdicts.map(({ settled, tentative }) =>
        'result' in settled || tentative ? { error } : settled,
      );
    }
  };
}

interface Verdict {
  readonly settled: Settled<JsonObject>;
  /** The document after this write. */
  readonly document: JsonObject;
  /** Whether the judgement rested on changes of this group that are not yet stored. */
  readonly tentative: boolean;
}

function judge(writes: readonly Write[], base: JsonObject, limits: DocumentLimits): Verdict[] {
  let document = base;
  return writes.map((write) => {
    const tentative = document !== base;
    try {
      const current = resourceValue(document, write.key);
      for (const precondition of write.preconditions) assertPrecondition(precondition, current);
      const after = write.edit.apply(document);
      assertWithinLimits(document, after, limits);
      document = after;
      return { settled: { result: after }, document, tentative };
    } catch (error) {
      return { settled: { error }, document, tentative };
    }
  });
}
