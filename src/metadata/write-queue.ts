/**
 * One writer per user. Writes that arrive while one is under way wait, and are then committed together
 * in the order of their arrival (group commit): many callers, one request to the tenant.
 */
import { AsyncResource } from 'node:async_hooks';

export type Settled<R> = { readonly result: R } | { readonly error: unknown };

/**
 * Commits a user's writes, in order, as one. Answers one outcome for each; a throw is the outcome of all.
 */
export type Commit<W, R> = (userId: string, writes: readonly W[]) => Promise<ReadonlyArray<Settled<R>>>;

export interface WriteQueue<W, R> {
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

interface Dependencies {
  /** Lets everything else that is ready run. */
  readonly pause: () => Promise<void>;
}

export function createWriteQueue<W, R>(commit: Commit<W, R>, { pause }: Dependencies): WriteQueue<W, R> {
  /** A user has an entry while a commit of theirs is under way; it lists who came since. */
  const lines = new Map<string, Array<Waiting<W, R>>>();

  async function drain(userId: string, first: Waiting<W, R>): Promise<void> {
    let batch: ReadonlyArray<Waiting<W, R>> = [first];
    for (let leader = batch[0]; leader; leader = batch[0]) {
      const group = batch;
      lines.set(userId, []);
      // Serial by design: the next group is whoever arrived while this one was being committed. What it
      // does belongs to the trace of the first of them, not to that of the group before.
      await leader.within(() => settle(userId, group));
      batch = lines.get(userId) ?? [];
    }
    lines.delete(userId);
  }

  async function settle(userId: string, batch: ReadonlyArray<Waiting<W, R>>): Promise<void> {
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
