/**
 * The Management API in virtual time: the plan's buckets as the local tenant has them, a latency drawn
 * from what was recorded of the real one, and users whose documents say how often they were changed.
 */
import { z } from 'zod';
import { requestGroup, type TenantPlan } from '../../packages/local-tenant/src/plans.ts';
import { createRateLimitBuckets } from '../../packages/local-tenant/src/rate-limit-buckets.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/lib/http-client.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Auth0's documentation describes both: a steady trickle, and a second's worth at the top of each second. */
export type Refill = 'trickle' | 'window';

export interface SimulatedTenant {
  readonly http: HttpClient;
  readonly calls: { reads: number; writes: number; searches: number; refused: number };
}

export interface SimulatedTenantOptions {
  readonly plan: TenantPlan;
  readonly refill: Refill;
}

const LATENCY_MS = { median: 120, p95: 470, min: 60, max: 1240 };
/** The way there, before the request is counted. The rest is work behind the rate limit, and the way back. */
const WAY_MS = { min: 10, spread: 15 };
/** A search answers what the index knew this long ago: it is eventually consistent. */
const INDEX_LAG_MS = 2_000;

interface State {
  readonly metadata: JsonObject;
  readonly since: number;
}

const UNCHANGED: State = { metadata: { revision: 0, language: 'en' }, since: 0 };

const changeSchema = z.object({ user_metadata: z.record(z.string(), z.number()) });

/** Every user exists, and starts at revision 0. Nothing fails but for the budget. */
export function createSimulatedTenant(
  { time, random }: { readonly time: VirtualTime; readonly random: Random },
  { plan, refill }: SimulatedTenantOptions,
): SimulatedTenant {
  const { clock, sleep } = time;
  const now = () => (refill === 'trickle' ? clock.now() : Math.floor(clock.now() / 1000) * 1000);
  const buckets = createRateLimitBuckets(plan, now);
  const users = new Map<string, State[]>();
  const calls = { reads: 0, writes: 0, searches: 0, refused: 0 };

  function userAt(userId: string, timeMs: number) {
    const { metadata } = users.get(userId)?.findLast(({ since }) => since <= timeMs) ?? UNCHANGED;
    return { user_id: userId, user_metadata: metadata, updated_at: '2026-01-01T00:00:00Z' };
  }

  function change(userId: string, body = '{}'): void {
    const { user_metadata: changes } = changeSchema.parse(JSON.parse(body));
    const states = users.get(userId) ?? [UNCHANGED];
    const { metadata } = states.at(-1) ?? UNCHANGED;
    states.push({ metadata: { ...metadata, ...changes, revision: states.length }, since: clock.now() });
    users.set(userId, states);
  }

  function perform({ method, url, body }: HttpRequest): unknown {
    const { pathname, searchParams } = new URL(url);
    const [, userId] = /\/users\/([^/]+)$/.exec(pathname)?.map(decodeURIComponent) ?? [];
    if (userId === undefined) {
      calls.searches += 1;
      const ids = [...(searchParams.get('q') ?? '').matchAll(/"([^"]+)"/g)].map(([, id = '']) => id);
      return ids.map((id) => userAt(id, clock.now() - INDEX_LAG_MS));
    }
    if (method === 'GET') {
      calls.reads += 1;
    } else {
      calls.writes += 1;
      change(userId, body);
    }
    return userAt(userId, clock.now());
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
    const text = JSON.stringify(perform(request));
    await sleep(wayMs);
    return { status: 200, headers, text };
  }

  return { http: { send, close: () => undefined }, calls };
}
