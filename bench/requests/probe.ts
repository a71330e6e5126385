/**
 * Loaded into every measured process before its own program, the same in all of them: answers over IPC what
 * the process has used, and ends it when the benchmark is gone.
 */

export interface Usage {
  /** User and system time of all threads since the start. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
}

process.on('message', (message) => {
  if (message === 'collect') for (let turn = 0; turn < 4; turn += 1) globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const usage: Usage = { cpuMicros: user + system, rssBytes: rss, heapBytes: heapUsed + external };
  process.send?.(usage);
});
process.on('disconnect', () => process.exit());
