/**
 * Turns a user's waiting writes into at most one change at the tenant. Each write is judged on the
 * document that those before it produced, and one that is refused leaves the others alone.
 */
import { randomUUID } from 'node:crypto';
import { boundedMap } from '../lib/bounded-map.ts';
import { AppError, hasCode } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import { type JsonObject, jsonBytes, jsonEqual } from '../lib/json.ts';
import { rootChanges } from './changes.ts';
import type { DocumentLimits } from './document.ts';
import { type DocumentRules, judge, judgeAll, type Verdict, type Write } from './judgement.ts';
import type {
  CallOptions,
  Grip,
  MetadataCache,
  Profile,
  RootChanges,
  UserDirectory,
  WriteLock,
} from './ports.ts';
import type { Commit, Settled } from './write-queue.ts';
import { tellCarried } from './write-receipt.ts';

export interface CommitRules extends DocumentRules {
  /** One deadline for all that a commit asks of the tenant. */
  readonly deadlineMs: number;
}

interface Dependencies {
  readonly directory: UserDirectory;
  readonly cache: MetadataCache;
  readonly lock: WriteLock;
  readonly clock: Clock;
}

/** The terms on which a commit may ask the tenant. */
interface Terms {
  readonly grip: Grip;
  readonly call: CallOptions & { readonly correlationId: string };
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

/**
 * @returns a commit that answers, for each write, the user after it. It reads the tenant first unless a
 * lone write neither depends on what is stored nor could break a rule. If the tenant refuses the change,
 * or may or may not have applied it, every write that counted on it fails alike.
 */
export function createCommit(
  { directory, cache, lock, clock }: Dependencies,
  rules: CommitRules,
): Commit<Write, Profile> {
  /** Sizes seen in answers to writes, which do not fill the memory of this process. */
  const sizes = boundedMap<Size>(SIZES_MAX);

  async function change(userId: string, changes: RootChanges, { grip, call }: Terms): Promise<Profile> {
    const profile = await cache.change(userId, (begin) => {
      const beforeSending = async () => {
        await begin();
        await grip.confirm();
      };
      return directory.change(userId, changes, { ...call, beforeSending }).catch((error: unknown) => {
        if (error instanceof AppError && error.extras.outcome === 'unknown') grip.keep();
        throw error;
      });
    });
    sizes.set(userId, sizeOf(profile.userMetadata));
    return profile;
  }

  /** Whether the write may go out without asking the tenant what is stored. */
  function isBlind(userId: string, { edit: { blind }, preconditions, view }: Write): boolean {
    if (blind === undefined || preconditions.length > 0) return false;
    const keys = Object.keys(blind);
    if (!keys.every((key) => view.writable(key) && !rules.schema.guardedKeys.has(key))) return false;
    const held = cache.peek(userId)?.userMetadata;
    return surelyFits(held ? sizeOf(held) : sizes.get(userId), blind, rules.limits);
  }

  /** Lets the schema judge a blind write on the copy held, if any. */
  function satisfiesSchema(userId: string, write: Write): boolean {
    if (rules.schema.permitsAll) return true;
    const held = cache.peek(userId);
    if (held === undefined) return false;
    try {
      judge(write, held.userMetadata, rules);
      return true;
    } catch {
      // Only what the tenant holds now can justify a refusal.
      return false;
    }
  }

  async function commit(userId: string, writes: readonly Write[], terms: Terms) {
    const [first] = writes;
    const blind = first?.edit.blind;
    if (first && blind && writes.length === 1 && isBlind(userId, first) && satisfiesSchema(userId, first)) {
      first.onCarried?.({ correlationId: terms.call.correlationId, keys: Object.keys(blind) });
      return [{ result: await change(userId, blind, terms) }];
    }
    const base = await directory.read(userId, terms.call).catch(async (error: unknown) => {
      if (hasCode(error, 'user_not_found')) await cache.invalidate(userId);
      throw error;
    });
    const verdicts = judgeAll(writes, base.userMetadata, rules);
    const final = verdicts.at(-1)?.document ?? base.userMetadata;
    const changes = rootChanges(base.userMetadata, final);
    if (changes === undefined) return verdicts.map((verdict) => settle(verdict, base));
    const carries = tellCarried(writes, verdicts, base.userMetadata, terms.call.correlationId);
    try {
      const stored = await change(userId, changes, { ...terms, call: { ...terms.call, carries } });
      // Somebody else changed the user meanwhile: what the tenant holds is the answer for all.
      const foreign = !jsonEqual(stored.userMetadata, final);
      return verdicts.map((verdict) => settle(verdict, stored, foreign));
    } catch (error) {
      // A refusal reached over changes that did not happen is void, like the successes.
      return verdicts.map((verdict) =>
        verdict.error === undefined || verdict.tentative ? { error } : settle(verdict, base),
      );
    }
  }

  return (userId, writes) =>
    lock.hold(userId, (grip) => {
      const deadlineAt = clock.now() + rules.deadlineMs;
      const call = { urgency: 'write', deadlineAt, correlationId: randomUUID() } as const;
      return commit(userId, writes, { grip, call });
    });
}

function sizeOf(document: JsonObject): Size {
  return { bytes: jsonBytes(document), keys: Object.keys(document).length };
}

function surelyFits(known: Size | undefined, changes: RootChanges, limits: DocumentLimits): boolean {
  const { bytes, keys } = sizeOf(changes);
  if (known === undefined) return bytes <= limits.bytesMax * UNKNOWN_SIZE_SHARE;
  return known.bytes + bytes <= limits.bytesMax && known.keys + keys <= limits.keysMax;
}

function settle({ error, document }: Verdict, stored: Profile, foreign = false): Settled<Profile> {
  if (error !== undefined) return { error };
  return { result: foreign ? stored : { ...stored, userMetadata: document } };
}
