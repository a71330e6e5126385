/** One measured window: load on a process that has warmed up, and what the process used for it. */
import { type LoadResult, sendLoad } from './load.ts';
import type { MeasuredProcess } from './process.ts';

export interface Case {
  readonly name: string;
  readonly status: number;
  /** A request by its number; those of the window go on where those of the warm-up ended. */
  readonly requestAt: (index: number) => Buffer | string;
  /** How many different requests there are where each may be sent once only. */
  readonly requestsMax?: number;
}

export interface Timing extends LoadResult {
  /** CPU microseconds of the process for one request. */
  readonly cpuMicros: number;
}

export interface WindowOptions {
  readonly connections: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
  /** At least so many requests warm the process up, such as one for each user. */
  readonly warmUpRequests: number;
  /** Whether the generator stays awake in the window (see `Load`). */
  readonly awake: boolean;
}

export const WINDOW: WindowOptions = {
  connections: 20,
  warmUpMs: 3_000,
  windowMs: 1_500,
  warmUpRequests: 1,
  awake: true,
};

/** Enough to see the compiler done; more only costs time. */
const WARM_UP_REQUESTS_MAX = 100_000;
const REQUESTS_MAX = 1_000_000;
const FOREVER_MS = 60_000;

/** @throws Error when an answer has another status than the case expects. */
export async function measure(
  server: MeasuredProcess,
  { status, requestAt, requestsMax = REQUESTS_MAX }: Case,
  { connections, warmUpMs, windowMs, warmUpRequests, awake }: WindowOptions = WINDOW,
): Promise<Timing> {
  const { port } = server;
  let used = 0;
  const take = (): number => used++;
  const load = { port, status, connections, awake, requestAt: () => requestAt(take()) };
  await sendLoad({
    ...load,
    requestsMax: Math.min(warmUpRequests, Math.floor(requestsMax / 2)),
    msMax: FOREVER_MS,
  });
  const left = Math.floor(requestsMax / 2) - used;
  if (left > 0) {
    await sendLoad({ ...load, requestsMax: Math.min(left, WARM_UP_REQUESTS_MAX), msMax: warmUpMs });
  }
  const before = await server.usage();
  const result = await sendLoad({ ...load, requestsMax: requestsMax - used, msMax: windowMs });
  const after = await server.usage();
  return { ...result, cpuMicros: (after.cpuMicros - before.cpuMicros) / result.requests };
}
