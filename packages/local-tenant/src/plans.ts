/**
 * The Management API budgets of Auth0's plans ("Rate Limit Configurations"): which buckets exist, how large they are,
 * and which requests draw on which. One tenant-wide budget, shared by every caller, exactly as upstream.
 */
import { z } from 'zod';

export const tenantPlan = z.enum(['unlimited', 'free', 'self-service', 'enterprise-nonprod', 'enterprise']);
export type TenantPlan = z.infer<typeof tenantPlan>;

/** The groups of Management API requests that may have a budget of their own. */
export type RequestGroup = 'users_read' | 'users_write' | 'other';

export interface BucketSize {
  readonly burst: number;
  readonly refill: number;
  /** Refill rates per second trickle by the millisecond; those per minute arrive once a second. */
  readonly per: 'second' | 'minute';
}

/** Every plan is one global bucket, or one bucket for each group of requests, or no limit. */
export type PlanBudget =
  | { readonly kind: 'unlimited'; readonly announcedLimit: number }
  | { readonly kind: 'global'; readonly bucket: BucketSize }
  | { readonly kind: 'grouped'; readonly buckets: Readonly<Record<RequestGroup, BucketSize>> };

export const planBudgets: Readonly<Record<TenantPlan, PlanBudget>> = {
  unlimited: { kind: 'unlimited', announcedLimit: 10_000 },
  free: { kind: 'global', bucket: { burst: 2, refill: 2, per: 'second' } },
  'self-service': {
    kind: 'grouped',
    buckets: {
      users_read: { burst: 40, refill: 500, per: 'minute' },
      users_write: { burst: 20, refill: 200, per: 'minute' },
      other: { burst: 10, refill: 150, per: 'minute' },
    },
  },
  'enterprise-nonprod': { kind: 'global', bucket: { burst: 10, refill: 2, per: 'second' } },
  enterprise: { kind: 'global', bucket: { burst: 50, refill: 16, per: 'second' } },
};

/** Streams of the Events API that a plan allows at once. */
export const eventConnections: Readonly<Record<TenantPlan, number>> = {
  unlimited: 100,
  free: 1,
  'self-service': 4,
  'enterprise-nonprod': 8,
  enterprise: 8,
};

/** The group a Management API request belongs to, by its method and its path below `/api/v2`. */
export function requestGroup(method: string, path: string): RequestGroup {
  if (!/^\/users(?:\/|$)/.test(path)) return 'other';
  return method === 'GET' || method === 'HEAD' ? 'users_read' : 'users_write';
}
