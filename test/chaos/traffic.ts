/** Steady reads and writes through every replica of a fleet, with a record of how each went. */
import type { Answer, Fleet, Person } from '../redis/fleet.ts';

export interface Exchange {
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  readonly status: number;
  readonly tookMs: number;
  readonly kind: 'read' | 'write';
}

export interface Traffic {
  /** What has been answered so far. */
  readonly exchanges: readonly Exchange[];
  /** Those that were asked since, of one kind or both. */
  since(askedAt: number, kind?: Exchange['kind']): Exchange[];
  /** Ends when every request under way is answered. @throws the first request that got no answer. */
  stop(): Promise<void>;
}

const READERS = 3;

/** For each replica three readers of one user, who ask again as soon as they are answered, and a writer of another. */
export async function startTraffic(fleet: Fleet): Promise<Traffic> {
  const exchanges: Exchange[] = [];
  const over = new AbortController();

  async function repeat(kind: Exchange['kind'], ask: (count: number) => Promise<Answer>): Promise<void> {
    for (let count = 0; !over.signal.aborted; count += 1) {
      const askedAt = Date.now();
      const { status, tookMs } = await ask(count);
      exchanges.push({ askedAt, status, tookMs, kind });
    }
  }

  const read = await fleet.person({ theme: 'dark' });
  const written: Person[] = await Promise.all(fleet.replicas.map(() => fleet.person({ prefs: {} })));
  const workers = fleet.replicas.flatMap((replica, index) => {
    const writer = written[index] ?? read;
    return [
      ...Array.from({ length: READERS }, () => repeat('read', () => fleet.ask(replica, read))),
      repeat('write', (count) => fleet.ask(replica, writer, { patch: { prefs: { count } } })),
    ];
  });
  const finished = Promise.all(workers);
  // A test that never calls `stop` has failed already.
  finished.catch(() => undefined);

  return {
    exchanges,
    since: (askedAt, kind) =>
      exchanges.filter((each) => each.askedAt >= askedAt && (kind === undefined || each.kind === kind)),
    async stop() {
      over.abort();
      await finished;
    },
  };
}

/** The middle of the times that these exchanges took, in milliseconds. */
export function median(exchanges: ReadonlyArray<{ readonly tookMs: number }>): number {
  const times = exchanges.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? 0;
}
