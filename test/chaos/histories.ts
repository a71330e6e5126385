/** Writers of one user on several replicas, and the comparison of what they were told with what the tenant holds. */
import type { Fleet } from '../redis/fleet.ts';
import type { Replica } from '../support/replica.ts';

/** Where a write leaves its mark. Objects have a bounded number of keys, so that marks stand in groups. */
type Mark = readonly [log: 'log', writer: string, group: string, count: string];

/** What became of the writes of one writer. Each leaves a mark of its own, so that none is made good by the next one. */
interface History {
  readonly accepted: Mark[];
  readonly refused: Mark[];
  readonly unknown: Mark[];
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
const GROUP_SIZE = 50;

/** Each writer waits for its answer before it writes again, and ends with its replica. */
export async function startWriters(fleet: Fleet, replicas: readonly Replica[]): Promise<Writers> {
  const person = await fleet.person({ log: {} });
  const over = new AbortController();

  async function write(replica: Replica, history: History, mark: Mark): Promise<void> {
    const [log, writer, group, count] = mark;
    const patch = { [log]: { [writer]: { [group]: { [count]: 1 } } } };
    const answer = await fleet.ask(replica, person, { patch }).catch(() => undefined);
    if (answer === undefined || answer.body['outcome'] === 'unknown') {
      history.unknown.push(mark);
    } else if (answer.status === 200) {
      history.accepted.push(mark);
      if (!isHeld(answer.body, mark)) history.odd.push(`${mark.join()} is not in the answer that accepts it`);
    } else {
      history.refused.push(mark);
      if (answer.status < 500) history.odd.push(`${mark.join()} was answered with ${answer.status}`);
    }
  }

  const writers = replicas.flatMap((replica, index) =>
    Array.from({ length: WRITERS_PER_REPLICA }, (_, writer) => {
      const history: History = { accepted: [], refused: [], unknown: [], odd: [] };
      const done = (async () => {
        for (let count = 1; !over.signal.aborted && replica.running(); count += 1) {
          const group = String(Math.floor(count / GROUP_SIZE));
          await write(replica, history, ['log', `r${index}w${writer}`, group, String(count)]);
        }
      })();
      return { history, done };
    }),
  );

  return {
    accepted: () => writers.reduce((total, { history }) => total + history.accepted.length, 0),
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
  const all = <T>(of: (history: History) => readonly T[]) => histories.flatMap(of);
  const accepted = all((history) => history.accepted);
  const refused = all((history) => history.refused);
  const unknown = all((history) => history.unknown);
  const lost = [
    ...accepted.filter((mark) => !isHeld(stored, mark)).map((mark) => `${mark.join()} is missing`),
    ...refused
      .filter((mark) => isHeld(stored, mark))
      .map((mark) => `${mark.join()} was refused, and is there`),
  ];
  return {
    summary:
      `${accepted.length} accepted, ${refused.length} refused, ` +
      `${unknown.length} unknown, ${lost.length} lost`,
    accepted: accepted.length,
    refused: refused.length,
    unknown: unknown.length,
    lost,
    odd: all((history) => history.odd),
  };
}

function isHeld(document: unknown, mark: Mark): boolean {
  const held = mark.reduce<unknown>((value, key) => Reflect.get(Object(value), key), document);
  return held === 1;
}
