/** Writers of one user on several replicas, and the comparison of what they were told with what the tenant holds. */
import type { Fleet } from '../redis/fleet.ts';
import type { Replica } from '../support/replica.ts';

/** What became of the writes of one writer, who counts up under a key of its own. */
interface History {
  readonly key: string;
  /** How many were, and the latest of them. */
  accepted: number;
  latest: number;
  readonly unknown: number[];
  refused: number;
  /** Answers that do not hold what they say was accepted. */
  readonly odd: string[];
}

export interface Verdict {
  /** Of all writers together, in words. */
  readonly summary: string;
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  /** Accepted writes that are missing, and refused ones that are there. */
  readonly lost: readonly string[];
  readonly odd: readonly string[];
}

export interface Writers {
  /** How many writes were accepted so far, of all writers together. */
  accepted(): number;
  /** Ends when every write under way is answered, and compares. */
  stop(): Promise<Verdict>;
}

const WRITERS_PER_REPLICA = 2;

/** Each writer waits for its answer before it writes again, and ends with its replica. */
export async function startWriters(fleet: Fleet, replicas: readonly Replica[]): Promise<Writers> {
  const person = await fleet.person({ log: {} });
  const over = new AbortController();

  async function write(replica: Replica, history: History, count: number): Promise<void> {
    const answer = await fleet
      .ask(replica, person, { patch: { log: { [history.key]: count } } })
      .catch(() => undefined);
    if (answer === undefined || answer.body['outcome'] === 'unknown') {
      history.unknown.push(count);
    } else if (answer.status === 200) {
      history.accepted += 1;
      history.latest = count;
      const held = heldUnder(answer.body, history.key);
      if (held !== count)
        history.odd.push(`${history.key}: ${JSON.stringify(held)} in the answer to ${count}`);
    } else {
      history.refused += 1;
    }
  }

  const writers = replicas.flatMap((replica, index) =>
    Array.from({ length: WRITERS_PER_REPLICA }, (_, writer) => {
      const key = `r${index}w${writer}`;
      const history: History = { key, accepted: 0, latest: 0, unknown: [], refused: 0, odd: [] };
      const done = (async () => {
        for (let count = 1; !over.signal.aborted && replica.running(); count += 1) {
          await write(replica, history, count);
        }
      })();
      return { history, done };
    }),
  );

  return {
    accepted: () => writers.reduce((total, { history }) => total + history.accepted, 0),
    async stop() {
      over.abort();
      await Promise.all(writers.map(({ done }) => done));
      return compare(
        writers.map(({ history }) => history),
        await fleet.stored(person),
      );
    },
  };
}

function compare(histories: readonly History[], stored: unknown): Verdict {
  const lost = histories.flatMap(({ key, latest, unknown }) => {
    const held = heldUnder(stored, key) ?? 0;
    const possible = [latest, ...unknown.filter((count) => count > latest)];
    return possible.some((count) => count === held)
      ? []
      : [`${key}: ${JSON.stringify(held)} is none of ${possible.join()}`];
  });
  const sum = (of: (history: History) => number) =>
    histories.reduce((total, history) => total + of(history), 0);
  const accepted = sum((history) => history.accepted);
  const refused = sum((history) => history.refused);
  const unknown = sum((history) => history.unknown.length);
  return {
    summary: `${accepted} accepted, ${refused} refused, ${unknown} unknown, ${lost.length} lost`,
    accepted,
    refused,
    unknown,
    lost,
    odd: histories.flatMap(({ odd }) => odd),
  };
}

function heldUnder(document: unknown, key: string): unknown {
  const log: unknown = Reflect.get(Object(document), 'log');
  return Reflect.get(Object(log), key);
}
