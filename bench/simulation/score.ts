/** What the callers of a contender experienced, before and after it had warmed up. */
import type { Answer } from './contender.ts';

export interface Request {
  readonly kind: 'read' | 'write';
  /** Since the start of the simulation. */
  readonly atMs: number;
  readonly latencyMs: number;
  /** Whether a copy was held when the request came. */
  readonly held: boolean;
  /** Whether the user had got an answer to an earlier request. */
  readonly served: boolean;
  /** Whether the answer is older than a write that had been answered before the request came. */
  readonly outdated: boolean;
  readonly answer: Answer;
}

export interface Score {
  readonly reads: number;
  readonly writes: number;
  readonly readsAnswered: number;
  readonly writesAnswered: number;
  /** Reads answered from a copy whose time was over. */
  readonly stale: number;
  readonly outdated: number;
  /** Reads answered without a request to the tenant, their own or one they waited for. */
  readonly fromCopy: number;
  readonly readsFailed: number;
  /** Of these, the ones for whom a copy was held. */
  readonly readsFailedThoughHeld: number;
  /** Of these, the ones of users who had got an answer before. */
  readonly readsFailedThoughServed: number;
  readonly writesFailed: number;
  readonly readP50Ms: number;
  readonly readP99Ms: number;
  readonly writeP50Ms: number;
  readonly writeP99Ms: number;
}

const TTL_SECONDS = 60;

/** Latencies are those of answered requests. */
export function scoreOf(requests: readonly Request[]): Score {
  const reads = requests.filter(({ kind }) => kind === 'read');
  const writes = requests.filter(({ kind }) => kind === 'write');
  const answeredReads = reads.filter(isAnswered);
  const answeredWrites = writes.filter(isAnswered);
  const failedReads = reads.filter((request) => !isAnswered(request));
  const readMs = sortedLatencies(answeredReads);
  const writeMs = sortedLatencies(answeredWrites);
  return {
    reads: reads.length,
    writes: writes.length,
    readsAnswered: answeredReads.length,
    writesAnswered: answeredWrites.length,
    stale: answeredReads.filter(({ answer }) => answer.ageSeconds >= TTL_SECONDS).length,
    outdated: answeredReads.filter(({ outdated }) => outdated).length,
    fromCopy: answeredReads.filter(({ answer }) => answer.source === 'held').length,
    readsFailed: failedReads.length,
    readsFailedThoughHeld: failedReads.filter(({ held }) => held).length,
    readsFailedThoughServed: failedReads.filter(({ served }) => served).length,
    writesFailed: writes.length - answeredWrites.length,
    readP50Ms: percentile(readMs, 0.5),
    readP99Ms: percentile(readMs, 0.99),
    writeP50Ms: percentile(writeMs, 0.5),
    writeP99Ms: percentile(writeMs, 0.99),
  };
}

function isAnswered({ answer }: Request): boolean {
  return answer.status === 200;
}

function sortedLatencies(requests: readonly Request[]): Float64Array {
  return Float64Array.from(requests, ({ latencyMs }) => latencyMs).toSorted();
}

/** The smallest value that so great a share of the sorted values does not exceed; 0 of none. */
export function percentile(sortedValues: ArrayLike<number>, share: number): number {
  return sortedValues[Math.max(0, Math.ceil(sortedValues.length * share) - 1)] ?? 0;
}
