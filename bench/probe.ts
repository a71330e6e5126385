/** Loaded into a measured process before its program. Says over IPC what the process used, and ends with the bench. */

export interface Usage {
  /** User and system time of all threads since the start. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
  /** Heap and external memory, after a collection where the process was started with `--expose-gc`. */
  readonly heapBytes: number;
}

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  for (let turn = 0; turn < 4; turn += 1) globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ cpuMicros: user + system, rssBytes: rss, heapBytes: heapUsed + external } satisfies Usage);
});
process.on('disconnect', () => process.exit());
