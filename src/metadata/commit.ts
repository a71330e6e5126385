/**
 * Turns a user's waiting writes into at most one change at the tenant. Each write is judged on the
 * document that those before it produced, and one that is refused leaves the others alone.
 */
import { AsyncResource } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { AppError, hasCode } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import { jsonEqual } from '../lib/json.ts';
import { rootChanges } from './document.ts';
import { type DocumentRules, judgeAll, type Judged, type Verdict, type Write } from './edit.ts';
import type {
  CallOptions,
  Grip,
  MetadataCache,
  Profile,
  RootChanges,
  UserDirectory,
  WriteLock,
} from './ports.ts';

// One writer per user. Writes that arrive while one is under way wait, and are then committed together
// in the order of their arrival (group commit): many callers, one request to the tenant.

export type Settled<R> = { readonly result: R } | { readonly error: unknown };

/**
 * Commits a user's writes, in order, as one. Answers one outcome for each; a throw is the outcome of all.
 */
type Commit<W, R> = (userId: string, writes: readonly W[]) => Promise<ReadonlyArray<Settled<R>>>;

interface WriteQueue<W, R> {
  /** Resolves or rejects with this write's own outcome. Two users never wait for each other. */
  submit(userId: string, write: W): Promise<R>;
}

interface Waiting<W, R> {
  readonly write: W;
  /** Runs a task in the asynchronous context of whoever submitted the write. */
  within<T>(task: () => T): T;
  resolve(result: R): void;
  reject(error: unknown): void;
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
  const lines = new Map<string, Array<Waiting<W, R>>>();

  async function drain(userId: string, first: Waiting<W, R>): Promise<void> {
    let batch: ReadonlyArray<Waiting<W, R>> = [first];
    for (let leader = batch[0]; leader; leader = batch[0]) {
      const group = batch;
      lines.set(userId, []);
      // Serial by design: the next group is whoever arrived while this one was being committed. What it
      // does belongs to the trace of the first of them, not to that of the group before.
      await leader.within(() => settleBatch(userId, group));
      batch = lines.get(userId) ?? [];
    }
    lines.delete(userId);
  }

  async function settleBatch(userId: string, batch: ReadonlyArray<Waiting<W, R>>): Promise<void> {
    let outcomes: ReadonlyArray<Settled<R>>;
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
      else waiting.reject(outcome.error);
    }
  }

  return {
    submit(userId, write) {
      return new Promise<R>((resolve, reject) => {
        const within = AsyncResource.bind(<T>(task: () => T): T => task());
        const waiting = { write, within, resolve, reject };
        const line = lines.get(userId);
        if (line) line.push(waiting);
        else void drain(userId, waiting);
      });
    },
  };
}

// Tells each write of a group what it has to do with the change that carries the group to the tenant, for
// whoever keeps account of writes.

/** Tells each write that has a part in the change, and no other. @returns how many have one. */
function tellCarried(
  writes: readonly Write[],
  verdicts: readonly Verdict[],
  base: Judged,
  correlationId: string,
): number {
  let before = base;
  let carried = 0;
  writes.forEach(({ onCarried }, index) => {
    const verdict = verdicts[index];
    if (verdict === undefined || verdict.after === before) return;
    before = verdict.after;
    carried += 1;
    onCarried?.({ correlationId, keys: verdict.changedKeys });
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
}

/** The terms on which a commit may ask the tenant. */
interface Terms {
  readonly grip: Grip;
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
  { directory, cache, lock, clock, pause }: Dependencies,
  rules: CommitRules,
): Commit<Write, Profile> {
  function send(userId: string, change: Change, { grip, call }: Terms): Promise<Profile> {
    return cache.change(userId, (begin) => {
      const beforeSending = async () => {
        await begin();
        await grip.confirm();
      };
      const options = { ...call, beforeSending };
      const sent =
        change === 'clear' ? directory.clear(userId, options) : directory.change(userId, change, options);
      return sent.catch((error: unknown) => {
        // Without an answer, the request may still be on its way to the tenant.
        if (hasCode(error, 'upstream_timeout')) grip.keep();
        throw error;
      });
    });
  }

  /**
   * The write's changes, where they may go out without asking the tenant what is stored. A copy of the document proves
   * nothing: another replica or the dashboard may have changed it since. So whatever a limit or the schema could bind
   * is read first, and only removals under no schema are left.
   */
  function blindChanges({ edit: { removals }, preconditions, view }: Write): RootChanges | undefined {
    if (removals === undefined || preconditions.length > 0 || !rules.schema.permitsAll) return undefined;
    return Object.keys(removals).every((key) => view.writable(key)) ? removals : undefined;
  }

  async function commit(userId: string, writes: readonly Write[], terms: Terms) {
    const [first] = writes;
    const blind = first && writes.length === 1 ? blindChanges(first) : undefined;
    if (first && blind) {
      first.onCarried?.({ correlationId: terms.call.correlationId, keys: Object.keys(blind) });
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
    terms: Terms,
  ): Promise<ReadonlyArray<Settled<Profile>>> {
    const start = toJudged(base);
    const verdicts = await judgeAll(writes, start, rules, pause);
    const final = verdicts.at(-1)?.after ?? start;
    const change = changeBetween(start, final);
    if (change === undefined) return verdicts.map((verdict) => settle(verdict, base));
    const carries = tellCarried(writes, verdicts, start, terms.call.correlationId);
    try {
      const call = { ...terms.call, carries, completes: true };
      const stored = await send(userId, change, { ...terms, call });
      // Somebody else changed the user meanwhile: what the tenant holds is the answer for all.
      const foreign = stored.isUnreadable || !jsonEqual(stored.userMetadata, final.document);
      return verdicts.map((verdict) => settle(verdict, stored, foreign));
    } catch (error) {
      if (carries > 1 && isAboutDocument(error)) return commitSingly(base, userId, writes, terms);
      // A refusal reached over changes that did not happen is void, like the successes.
      return verdicts.map((verdict) =>
        verdict.error === undefined || verdict.tentative ? { error } : settle(verdict, base),
      );
    }
  }

  /**
   * One write after another, each a change of its own, after the tenant has refused the document that all of them
   * together would make. It ends with the deadline, and where the tenant does not answer: what is stored then, and so
   * what the rest would be judged on, is not known.
   */
  async function commitSingly(
    base: Profile,
    userId: string,
    writes: readonly Write[],
    { grip, call }: Terms,
  ): Promise<ReadonlyArray<Settled<Profile>>> {
    const settled: Array<Settled<Profile>> = [];
    let stored = base;
    let ended: unknown;
    for (const write of writes) {
      if (clock.now() >= (call.deadlineAt ?? Infinity)) ended ??= notSent();
      if (ended !== undefined) {
        settled.push({ error: ended });
        continue;
      }
      await pause();
      const before = toJudged(stored);
      const verdicts = await judgeAll([write], before, rules, pause);
      const change = changeBetween(before, verdicts[0]?.after ?? before);
      const terms = { grip, call: { ...call, correlationId: randomUUID(), completes: true } };
      try {
        if (change !== undefined) {
          tellCarried([write], verdicts, before, terms.call.correlationId);
          stored = await send(userId, change, terms);
        }
        settled.push(...verdicts.map(({ error }) => (error === undefined ? { result: stored } : { error })));
      } catch (error) {
        settled.push({ error });
        if (!isAboutDocument(error)) ended = hasUnknownOutcome(error) ? notSent() : error;
      }
    }
    return settled;
  }

  return (userId, writes) =>
    lock.hold(userId, (grip) => {
      const deadlineAt = clock.now() + rules.deadlineMs;
      const call = { urgency: 'write', deadlineAt, correlationId: randomUUID() } as const;
      return commit(userId, writes, { grip, call });
    });
}

function toJudged({ userMetadata, isUnreadable }: Profile): Judged {
  return { document: userMetadata, isUnreadable: isUnreadable ?? false };
}

function changeBetween(before: Judged, after: Judged): Change | undefined {
  const changes = rootChanges(before.document, after.document);
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
function notSent(): AppError {
  const message = 'Other changes of this user took too long or failed; this one was not sent.';
  return new AppError('upstream_unavailable', message, { retryAfterSeconds: 1 });
}

function settle({ error, after }: Verdict, stored: Profile, foreign = false): Settled<Profile> {
  if (error !== undefined) return { error };
  return { result: foreign ? stored : { ...stored, userMetadata: after.document } };
}
