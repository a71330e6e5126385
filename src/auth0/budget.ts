/**
 * What a tenant's plan allows: the Management API's buckets (Auth0 rate limit configurations), spent
 * slightly under their true size, because requests that leave evenly may arrive in a bunch.
 */
import type { BucketSize } from '../lib/token-bucket.ts';

/** The kinds of request that a plan may count apart. */
export type Lane = 'users.read' | 'users.change' | 'clients.read';

export type PlanName = 'free' | 'self-service' | 'enterprise-nonprod' | 'enterprise';

/** One bucket for all lanes, or one for each. */
export type Budget = BucketSize | Readonly<Record<Lane, BucketSize>>;

export const PLANS: Readonly<Record<PlanName, Budget>> = {
  free: { burst: 2, perSecond: 2 },
  'self-service': {
    'users.read': { burst: 40, perSecond: 500 / 60 },
    'users.change': { burst: 20, perSecond: 200 / 60 },
    'clients.read': { burst: 10, perSecond: 150 / 60 },
  },
  'enterprise-nonprod': { burst: 10, perSecond: 2 },
  enterprise: { burst: 50, perSecond: 16 },
};

const MARGIN = 0.95;

/** The size to spend of a bucket of this true size. */
export function cautious({ burst, perSecond }: BucketSize): BucketSize {
  return { burst: Math.max(1, Math.floor(burst * 0.9)), perSecond: perSecond * MARGIN };
}
