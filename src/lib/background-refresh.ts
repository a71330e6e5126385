/**
 * Runs small tasks at the start and at an interval, so that what every request needs is there before the first request
 * and stays fresh while there are none.
 */
interface RefreshTask {
  readonly run: () => Promise<unknown>;
  /** Called for the first failure, and for the next one only after the task has succeeded again. */
  readonly onFailure: (error: unknown) => void;
}

export interface BackgroundRefresh {
  start(): void;
  stop(): void;
}

export function createBackgroundRefresh(
  tasks: readonly RefreshTask[],
  { intervalMs }: { readonly intervalMs: number },
): BackgroundRefresh {
  const failing = new Set<RefreshTask>();
  let timer: NodeJS.Timeout | undefined;

  async function runTask(task: RefreshTask): Promise<void> {
    try {
      await task.run();
      failing.delete(task);
    } catch (error) {
      if (!failing.has(task)) task.onFailure(error);
      failing.add(task);
    }
  }

  function runAll(): void {
    for (const task of tasks) void runTask(task);
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
