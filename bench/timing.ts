/**
 * CPU time of small tasks on a machine that others use too: all tasks take turns, and medians over the
 * turns are compared with a reference task of the same turns.
 */
import { percentile } from './simulation/score.ts';

export interface Task {
  readonly name: string;
  readonly run: () => unknown;
}

export interface Timing {
  readonly name: string;
  /** CPU microseconds of one run: the median of all turns. */
  readonly micros: number;
  /** How many times the reference of the same turn: the median again. */
  readonly ratio: number;
}

export interface TimingOptions {
  readonly turns: number;
  /** CPU time that a task is given in each turn. A run that takes longer is one turn. */
  readonly turnMs: number;
}

/** The first task is the reference. */
export function compareTasks(tasks: readonly Task[], { turns, turnMs }: TimingOptions): Timing[] {
  const counts = tasks.map(({ run }) => calibrate(run, turnMs));
  const turnsOf = tasks.map((): number[] => []);
  for (let turn = 0; turn < turns; turn += 1) {
    tasks.forEach(({ run }, index) => turnsOf[index]?.push(cpuMicros(run, counts[index] ?? 1)));
  }
  const reference = turnsOf[0] ?? [];
  return tasks.map(({ name }, index) => {
    const micros = turnsOf[index] ?? [];
    const ratios = micros.map((value, turn) => value / (reference[turn] ?? value));
    return { name, micros: median(micros), ratio: median(ratios) };
  });
}

export function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((left, right) => left - right),
    0.5,
  );
}

/** How many runs fill a turn, once the compiler has seen the task often enough. */
function calibrate(run: () => unknown, turnMs: number): number {
  let count = 1;
  let micros = cpuMicros(run, count);
  while (micros * count < turnMs * 1000) {
    count *= 2;
    micros = cpuMicros(run, count);
  }
  return count;
}

function cpuMicros(run: () => unknown, count: number): number {
  // Whoever comes next must not pay for the garbage of the one before.
  globalThis.gc?.({ type: 'minor' });
  const before = process.cpuUsage();
  for (let index = 0; index < count; index += 1) run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}
