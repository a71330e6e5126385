/** One simulated tenant, the proxy in front of it, and the users who call. */
import type { Contender } from './contender.ts';
import { createRandom, createZipf, type Random } from './random.ts';
import type { Request } from './score.ts';
import {
  createSimulatedTenant,
  type SimulatedTenant,
  type SimulatedTenantOptions,
} from './simulated-tenant.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';

export interface Load {
  readonly users: number;
  readonly requestsPerSecond: number;
  readonly writeShare: number;
  readonly minutes: number;
  /** 0: all users are equally active. 1: the second is half as active as the first, the third a third. */
  readonly zipfExponent: number;
  readonly seed: number;
}

export interface Surroundings {
  readonly time: VirtualTime;
  readonly tenant: SimulatedTenant;
  readonly random: Random;
}

export interface Course {
  /** In the order in which they ended. */
  readonly requests: readonly Request[];
  readonly calls: SimulatedTenant['calls'];
}

const START_MS = Date.UTC(2026, 0, 1);
/** After the last request has come, those under way may end. */
const DRAIN_MS = 15_000;

/** Lets the users call a proxy that starts cold. The same load and seed bring the same requests to each. */
export async function simulate(
  createContender: (surroundings: Surroundings) => Contender,
  tenantOptions: SimulatedTenantOptions,
  load: Load,
): Promise<Course> {
  const time = createVirtualTime(START_MS);
  const random = createRandom(load.seed + 1);
  const tenant = createSimulatedTenant({ time, random }, tenantOptions);
  const contender = createContender({ time, tenant, random });
  const requests: Request[] = [];
  /** Users who got an answer, with the newest revision that one of their writes was answered with. */
  const told = new Map<string, number>();

  async function request(kind: Request['kind'], userId: string, value: number): Promise<void> {
    const startedAt = time.clock.now();
    const held = contender.holds(userId);
    const served = told.has(userId);
    const expected = told.get(userId) ?? 0;
    const answer = await (kind === 'read' ? contender.read(userId) : contender.write(userId, value));
    const answered = answer.status === 200;
    // A reader may hear of a change before its writer does, but only the writer's word is a promise.
    const promised = answered && kind === 'write' ? answer.revision : 0;
    if (answered) told.set(userId, Math.max(told.get(userId) ?? 0, promised));
    requests.push({
      kind,
      atMs: startedAt - START_MS,
      latencyMs: time.clock.now() - startedAt,
      held,
      served,
      outdated: answered && kind === 'read' && answer.revision < expected,
      answer,
    });
  }

  const arrivals = createRandom(load.seed);
  const nextUser = createZipf(arrivals, load.users, load.zipfExponent);
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
    const nextAt = time.clock.now() + arrivals.exponential(load.requestsPerSecond / 1000);
    if (nextAt < endsAt) time.at(nextAt, arrive);
  }
  scheduleNext();
  await time.runUntil(endsAt + DRAIN_MS);
  if (failures.length > 0) throw failures[0];
  return { requests, calls: tenant.calls };
}
