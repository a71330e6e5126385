/**
 * Turns a user's waiting writes into at most one change at the tenant. Each write is applied on the
 * document that those before it produced, and one that is refused leaves the others alone.
 */
import { AsyncResource } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { AppError, hasCode } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import { jsonEqual } from '../lib/json.ts';
import { getRootChanges } from './document.ts';
import { type DocumentRules, applyWrites, type DocumentState, type WriteResult, type Write } from './edit.ts';
import type {
  CallOptions,
  LockHandle,
  MetadataCache,
  Profile,
  RootChanges,
  UserDirectory,
  WriteLock,
} from './ports.ts';

// One writer per user. Writes that arrive while one is under way wait, and are then committed together
// in the order of their arrival (group commit): many callers, one request to the tenant.

export type Outcome<R> =
  | { readonly result: R }
  /** `stored` is what a refused write was judged by. */
  | { readonly error: unknown; readonly stored?: R };

/**
 * Commits a user's writes, in order, as one. Answers one outcome for each; a throw is the outcome of all.
 */
type Commit<W, R> = (userId: string, writes: readonly W[]) => Promise<ReadonlyArray<Outcome<R>>>;

interface WriteQueue<W, R> {
  /**
   * Resolves or rejects with this write's own outcome. Two users never wait for each other.
   * @param onRefused is called before a rejection, if it is known what is stored.
   */
  submit(userId: string, write: W, onRefused?: (stored: R) => void): Promise<R>;
}

interface Waiting<W, R> {
  readonly write: W;
  /** Runs a task in the asynchronous context in which the write was submitted. */
  within<T>(task: () => T): T;
  resolve(result: R): void;
  reject(error: unknown, stored: R | undefined): void;
}

interface WriteQueueDependencies {
  /** Lets everything else that is ready run. */
  readonly pause: () => Promise<void>;
}

export function createWriteQueue<W, R>(
  commit: Commit<W, R>,
  { pause }: WriteQueueDependencies,
): WriteQueue<W, R> {
  /** A user has an entry while a commit of theirs is under way; it lists who came since. */
  const queues = new Map<string, Array<Waiting<W, R>>>();

  async function drain(userId: string, first: Waiting<W, R>): Promise<void> {
    let batch: ReadonlyArray<Waiting<W, R>> = [first];
    for (let leader = batch[0]; leader; leader = batch[0]) {
      const group = batch;
      queues.set(userId, []);
      // Serial by design: the next group is made of the writes that arrive during this commit. Its work belongs to
      // the trace of its own first write, not to the trace of the group before.
      await leader.within(() => commitBatch(userId, group));
      batch = queues.get(userId) ?? [];
    }
    queues.delete(userId);
  }

  async function commitBatch(userId: string, batch: ReadonlyArray<Waiting<W, R>>): Promise<void> {
    let outcomes: ReadonlyArray<Outcome<R>>;
    try {
      outcomes = await commit(
        userId,
        batch.map(({ write }) => write),
      );
    } catch (error) {
      outcomes = batch.map(() => ({ error }));
    }
    for (const [index, waiting] of batch.entries()) {
      // To write an answer takes time as well: a large group is not answered in one go.
      if (index > 0) await pause();
      const outcome = outcomes[index] ?? { error: new Error('a commit answered too few outcomes') };
      if ('result' in outcome) waiting.resolve(outcome.result);
      else waiting.reject(outcome.error, outcome.stored);
    }
  }

  return {
    submit(userId, write, onRefused) {
      return new Promise<R>((resolve, refuse) => {
        const within = AsyncResource.bind(<T>(task: () => T): T => task());
        const reject = (error: unknown, stored: R | undefined) => {
          if (stored !== undefined) onRefused?.(stored);
          refuse(error);
        };
        const waiting = { write, within, resolve, reject };
        const line = queues.get(userId);
        if (line) line.push(waiting);
        else void drain(userId, waiting);
      });
    },
  };
}

// What each write of a group contributes to the change that is sent, for the audit.

/** Calls `onSent` of each write that contributes to the change. @returns how many do. */
function notifySent(
  writes: readonly Write[],
  results: readonly WriteResult[],
  base: DocumentState,
  correlationId: string,
): number {
  let before = base;
  let carried = 0;
  writes.forEach(({ onSent }, index) => {
    const result = results[index];
    if (result === undefined || result.after === before) return;
    before = result.after;
    carried += 1;
    onSent?.({ correlationId, keys: result.changedKeys });
  });
  return carried;
}

export interface CommitRules extends DocumentRules {
  /** One deadline for all that a commit asks of the tenant. */
  readonly deadlineMs: number;
}

interface Dependencies {
  readonly directory: UserDirectory;
  readonly cache: MetadataCache;
  readonly lock: WriteLock;
  readonly clock: Clock;
  /** Lets everything else that is ready run. */
  readonly pause: () => Promise<void>;
  /** Called when the answer to a change shows another change of the user, made since the document was read. */
  readonly onConcurrentChange?: ((correlationId: string) => void) | undefined;
}

/** The terms on which a commit may ask the tenant. */
interface CommitContext {
  readonly lockHandle: LockHandle;
  readonly call: CallOptions & { readonly correlationId: string };
}

/** What the tenant is to do: change root keys, or remove what it holds in place of an object. */
type Change = RootChanges | 'clear';

/**
 * @returns a commit that answers, for each write, the user after it. It reads the tenant first unless a lone write
 * only removes keys, which no limit and no state of the document can forbid. If the tenant cannot be asked to make the
 * change, or may or may not have made it, every write that counted on it fails alike. If it refuses the document,
 * each write of the group is sent on its own, so that none is refused for another.
 */
export function createCommit(
  { directory, cache, lock, clock, pause, onConcurrentChange }: Dependencies,
  rules: CommitRules,
): Commit<Write, Profile> {
  function send(userId: string, change: Change, { lockHandle, call }: CommitContext): Promise<Profile> {
    return cache.change(userId, (begin) => {
      const beforeSending = async () => {
        await begin();
        await lockHandle.refresh();
      };
      const options = { ...call, beforeSending };
      const sent =
        change === 'clear' ? directory.clear(userId, options) : directory.change(userId, change, options);
      return sent.catch((error: unknown) => {
        // Without an answer, the request may still be on its way to the tenant.
        if (hasCode(error, 'upstream_timeout')) lockHandle.keepForBound();
        throw error;
      });
    });
  }

  /**
   * The write's changes, where they may go out without asking the tenant what is stored. A copy of the document proves
   * nothing: another replica or the dashboard may have changed it since. So whatever a limit or the schema could bind
   * is read first, and only removals under no schema are left.
   */
  function getBlindChanges({ edit: { removals }, preconditions, access }: Write): RootChanges | undefined {
    if (removals === undefined || preconditions.length > 0 || !rules.schema.permitsAll) return undefined;
    return Object.keys(removals).every((key) => access.isWritable(key)) ? removals : undefined;
  }

  async function commit(userId: string, writes: readonly Write[], terms: CommitContext) {
    const [first] = writes;
    const blind = first && writes.length === 1 ? getBlindChanges(first) : undefined;
    if (first && blind) {
      first.onSent?.({ correlationId: terms.call.correlationId, keys: Object.keys(blind) });
      return [{ result: await send(userId, blind, terms) }];
    }
    const base = await directory.read(userId, terms.call).catch(async (error: unknown) => {
      if (hasCode(error, 'user_not_found')) await cache.invalidate(userId);
      throw error;
    });
    return commitOn(base, userId, writes, terms);
  }

  /** Commits writes to a user of whom the tenant holds `base`. */
  async function commitOn(
    base: Profile,
    userId: string,
    writes: readonly Write[],
    terms: CommitContext,
  ): Promise<ReadonlyArray<Outcome<Profile>>> {
    const start = toDocumentState(base);
    const results = await applyWrites(writes, start, rules, pause);
    const final = results.at(-1)?.after ?? start;
    const change = getChange(start, final);
    if (change === undefined) return results.map((result) => toOutcome(result, base));
    const batchSize = notifySent(writes, results, start, terms.call.correlationId);
    try {
      const call = { ...terms.call, batchSize, continuesWrite: true };
      const stored = await send(userId, change, { ...terms, call });
      // Another change of the user was made meanwhile: the document of the tenant is the answer for all writes.
      const changedExternally = stored.isUnreadable || !jsonEqual(stored.userMetadata, final.document);
      if (changedExternally) onConcurrentChange?.(call.correlationId);
      return results.map((result) => toOutcome(result, stored, changedExternally));
    } catch (error) {
      if (batchSize > 1 && isAboutDocument(error)) return commitOneByOne(base, userId, writes, terms);
      // A refusal reached over changes that did not happen is void, like the successes.
      return results.map((result) =>
        result.error === undefined || result.dependsOnBatch ? { error } : toOutcome(result, base),
      );
    }
  }

  /**
   * One write after another, each a change of its own, after the tenant has refused the document that all of them
   * together would make. It ends with the deadline, and where the tenant does not answer: what is stored then, and so
   * what the rest would be applied on, is not known.
   */
  async function commitOneByOne(
    base: Profile,
    userId: string,
    writes: readonly Write[],
    { lockHandle, call }: CommitContext,
  ): Promise<ReadonlyArray<Outcome<Profile>>> {
    const settled: Array<Outcome<Profile>> = [];
    let stored = base;
    let ended: unknown;
    for (const write of writes) {
      if (clock.now() >= (call.deadlineAt ?? Infinity)) ended ??= createNotSentError();
      if (ended !== undefined) {
        settled.push({ error: ended });
        continue;
      }
      await pause();
      const before = toDocumentState(stored);
      const results = await applyWrites([write], before, rules, pause);
      const change = getChange(before, results[0]?.after ?? before);
      const terms = {
        lockHandle: lockHandle,
        call: { ...call, correlationId: randomUUID(), continuesWrite: true },
      };
      try {
        if (change !== undefined) {
          notifySent([write], results, before, terms.call.correlationId);
          stored = await send(userId, change, terms);
        }
        settled.push(
          ...results.map(({ error }) => (error === undefined ? { result: stored } : { error, stored })),
        );
      } catch (error) {
        settled.push({ error });
        if (!isAboutDocument(error)) ended = hasUnknownOutcome(error) ? createNotSentError() : error;
      }
    }
    return settled;
  }

  return (userId, writes) =>
    lock.withLock(userId, (lockHandle) => {
      const deadlineAt = clock.now() + rules.deadlineMs;
      const call = { priority: 'write', deadlineAt, correlationId: randomUUID() } as const;
      return commit(userId, writes, { lockHandle: lockHandle, call });
    });
}

function toDocumentState({ userMetadata, isUnreadable }: Profile): DocumentState {
  return { document: userMetadata, isUnreadable: isUnreadable ?? false };
}

function getChange(before: DocumentState, after: DocumentState): Change | undefined {
  const changes = getRootChanges(before.document, after.document);
  return changes ?? (before.isUnreadable && !after.isUnreadable ? 'clear' : undefined);
}

/** The tenant does not want this document, which says nothing about any one of the writes that made it. */
function isAboutDocument(error: unknown): boolean {
  return hasCode(error, 'metadata_invalid') || hasCode(error, 'metadata_too_large');
}

function hasUnknownOutcome(error: unknown): boolean {
  return error instanceof AppError && error.extras.outcome === 'unknown';
}

/** For a write of a group that ended before its turn. */
function createNotSentError(): AppError {
  const message = 'Other changes of this user took too long or failed; this one was not sent.';
  return new AppError('upstream_unavailable', message, { retryAfterSeconds: 1 });
}

function toOutcome(
  { error, after }: WriteResult,
  stored: Profile,
  changedExternally = false,
): Outcome<Profile> {
  if (error !== undefined) return { error, stored };
  return { result: changedExternally ? stored : { ...stored, userMetadata: after.document } };
}
