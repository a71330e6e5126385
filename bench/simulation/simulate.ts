/** One simulated tenant, the proxy in front of it, and the users who call. */
import { createRandom, createZipf } from '../../test/support/random.ts';
import { createVirtualTime } from '../../test/support/virtual-time.ts';
import type { Answer, Dependencies, Proxy } from './proxies.ts';
import { createSimulatedTenant, type SimulatedTenantOptions } from './tenant.ts';

export interface Load {
  readonly users: number;
  readonly requestsPerSecond: number;
  readonly writeShare: number;
  readonly minutes: number;
  readonly seed: number;
}

export interface Request extends Answer {
  readonly kind: 'read' | 'write';
  /** Since the start of the simulation. */
  readonly atMs: number;
  readonly latencyMs: number;
  /** Whether a copy was held when the request came. */
  readonly hadCopy: boolean;
  /** Whether the user had got an answer to an earlier request. */
  readonly wasServed: boolean;
  /** Whether the answer is older than a write that had been answered before the request came. */
  readonly isOutdated: boolean;
}

const START_MS = Date.UTC(2026, 0, 1);
/** After the last request has come, those under way may end. */
const DRAIN_MS = 15_000;

/**
 * Lets the users call a proxy that starts cold. The same load and seed bring the same requests to each.
 * @returns the requests in the order in which they ended, and what the tenant was asked.
 */
export async function simulate(
  createProxy: (dependencies: Dependencies) => Proxy,
  tenantOptions: SimulatedTenantOptions,
  load: Load,
) {
  const time = createVirtualTime(START_MS);
  const { clock } = time;
  const random = createRandom(load.seed + 1);
  const { http, calls } = createSimulatedTenant({ time, random }, tenantOptions);
  const proxy = createProxy({ time, http, random });
  const requests: Request[] = [];
  /** Users who got an answer, with the newest revision that one of their writes was answered with. */
  const promises = new Map<string, number>();

  async function request(kind: Request['kind'], userId: string, value: number): Promise<void> {
    const startedAt = clock.now();
    const hadCopy = proxy.hasCopy(userId);
    const promised = promises.get(userId);
    const answer = await (kind === 'read' ? proxy.read(userId) : proxy.write(userId, value));
    const isAnswered = answer.status === 200;
    // A reader may see a change before its writer is answered, but only the writer's answer is a promise.
    const revision = kind === 'write' ? answer.revision : 0;
    if (isAnswered) promises.set(userId, Math.max(promises.get(userId) ?? 0, revision));
    requests.push({
      ...answer,
      kind,
      atMs: startedAt - START_MS,
      latencyMs: clock.now() - startedAt,
      hadCopy,
      wasServed: promised !== undefined,
      isOutdated: isAnswered && kind === 'read' && answer.revision < (promised ?? 0),
    });
  }

  const arrivals = createRandom(load.seed);
  const nextUser = createZipf(arrivals, load.users, 1);
  const endsAt = START_MS + load.minutes * 60_000;
  const failures: unknown[] = [];
  let arrived = 0;
  function arrive(): void {
    arrived += 1;
    const kind = arrivals.next() < load.writeShare ? 'write' : 'read';
    request(kind, `auth0|user${nextUser()}`, arrived).catch((error: unknown) => failures.push(error));
    scheduleNext();
  }
  function scheduleNext(): void {
    const nextAt = clock.now() + arrivals.exponential(load.requestsPerSecond / 1000);
    if (nextAt < endsAt) time.at(nextAt, arrive);
  }
  scheduleNext();
  await time.runUntil(endsAt + DRAIN_MS);
  if (failures.length > 0) throw failures[0];
  return { requests, calls };
}
