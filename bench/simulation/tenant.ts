/**
 * The Management API in virtual time: the plan's buckets as the local tenant has them, a latency drawn from what was
 * recorded of the real one, and users whose documents say how often they were changed.
 */
import { z } from 'zod';
import { requestGroup, type TenantPlan } from '../../packages/local-tenant/src/plans.ts';
import { createRateLimitBuckets } from '../../packages/local-tenant/src/rate-limit-buckets.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/lib/http-client.ts';
import type { Random } from '../../test/support/random.ts';
import type { VirtualTime } from '../../test/support/virtual-time.ts';

export interface SimulatedTenantOptions {
  readonly plan: TenantPlan;
  /** Auth0's documentation describes both: a steady trickle, and a second's worth at the top of each second. */
  readonly refill: 'trickle' | 'window';
}

const LATENCY_MS = { median: 120, p95: 470, min: 60, max: 1240 };
/** The way there, before the request is counted. The rest is work behind the rate limit, and the way back. */
const WAY_MS = { min: 10, spread: 15 };

const changeSchema = z.object({ user_metadata: z.record(z.string(), z.number()) });

/** Every user exists, and starts at revision 0. Nothing fails but for the budget. */
export function createSimulatedTenant(
  { time, random }: { readonly time: VirtualTime; readonly random: Random },
  { plan, refill }: SimulatedTenantOptions,
) {
  const { clock, sleep } = time;
  const now = () => (refill === 'trickle' ? clock.now() : Math.floor(clock.now() / 1000) * 1000);
  const buckets = createRateLimitBuckets(plan, now);
  const users = new Map<string, Readonly<Record<string, number>>>();
  const calls = { reads: 0, writes: 0, refused: 0 };

  function perform({ method, body = '{}' }: HttpRequest, userId: string) {
    const metadata = users.get(userId) ?? { revision: 0 };
    if (method === 'GET') {
      calls.reads += 1;
    } else {
      calls.writes += 1;
      const { user_metadata: changes } = changeSchema.parse(JSON.parse(body));
      users.set(userId, { ...metadata, ...changes, revision: (metadata['revision'] ?? 0) + 1 });
    }
    return {
      user_id: userId,
      user_metadata: users.get(userId) ?? metadata,
      updated_at: '2026-01-01T00:00:00Z',
    };
  }

  async function send(request: HttpRequest): Promise<HttpResponse> {
    const wayMs = WAY_MS.min + WAY_MS.spread * random.next();
    const drawnMs = random.logNormal(LATENCY_MS.median, LATENCY_MS.p95);
    const latencyMs = Math.min(LATENCY_MS.max, Math.max(LATENCY_MS.min, drawnMs));
    await sleep(wayMs);
    const path = new URL(request.url).pathname.replace('/api/v2', '');
    const { allowed, limit, remaining, reset } = buckets.take(requestGroup(request.method, path));
    const headers = new Map([
      ['x-ratelimit-limit', String(limit)],
      ['x-ratelimit-remaining', String(remaining)],
      ['x-ratelimit-reset', String(reset)],
    ]);
    if (!allowed) {
      calls.refused += 1;
      await sleep(wayMs);
      return { status: 429, headers, text: '{}' };
    }
    await sleep(latencyMs - 2 * wayMs);
    const text = JSON.stringify(perform(request, decodeURIComponent(path.slice('/users/'.length))));
    await sleep(wayMs);
    return { status: 200, headers, text };
  }

  const http: HttpClient = { send, close: () => undefined };
  return { http, calls };
}
