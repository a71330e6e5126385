/**
 * Runs small tasks at start and at an interval, so that what every request needs is there before the first
 * one and does not grow old in a quiet hour. A failure is told once, until the task has succeeded again.
 */
interface UpkeepTask {
  readonly name: string;
  readonly task: () => Promise<unknown>;
}

interface UpkeepOptions {
  readonly intervalMs: number;
  readonly onFailure: (name: string, error: unknown) => void;
}

export interface Upkeep {
  start(): void;
  stop(): void;
}

export function createUpkeep(tasks: readonly UpkeepTask[], { intervalMs, onFailure }: UpkeepOptions): Upkeep {
  const failing = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  async function run({ name, task }: UpkeepTask): Promise<void> {
    try {
      await task();
      failing.delete(name);
    } catch (error) {
      if (!failing.has(name)) onFailure(name, error);
      failing.add(name);
    }
  }

  function runAll(): void {
    for (const task of tasks) void run(task);
  }

  return {
    start() {
      runAll();
      timer = setInterval(runAll, intervalMs);
      // It must not keep a process alive that has nothing else to do.
      timer.unref();
    },
    stop() {
      clearInterval(timer);
    },
  };
}
