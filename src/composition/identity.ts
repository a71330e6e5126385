/** The part of the composition that decides who may come in: tokens, proofs and limits. */
import type { Config } from '../../config/load.ts';
import type { SharedStores } from './shared-stores.ts';
import {
  createAddressLimit,
  createCallerLimits,
  type LimitName,
  type NamedLimit,
  nameLimit,
} from '../http/middleware/rate-limit.ts';
import type { Audit } from '../http/middleware/audit.ts';
import { createDelegation, createGuard, type Guard } from '../http/middleware/authorize.ts';
import { getRequestAddress } from '../http/middleware/public-address.ts';
import { createAuthenticate, createVerifiedTokens } from '../identity/authenticate.ts';
import { createDpopReplay } from '../identity/dpop-replay.ts';
import type { TrustedIssuers } from '../identity/signing-keys.ts';
import type { Clock } from '../lib/clock.ts';
import { createMemoryLimit, createSharedLimit } from '../redis/rate-limit.ts';
import type { Metrics } from '../observability/metrics.ts';
import { LIMITS, PROOF_MEMORY, PROOFS, VERIFIED_TOKENS } from './constants.ts';

interface Dependencies {
  readonly config: Config;
  readonly stores: Pick<SharedStores, 'redis' | 'hashId'>;
  readonly issuers: TrustedIssuers;
  /** The time of day. */
  readonly clock: Clock;
  /** For ages and pauses. */
  readonly ages: Clock;
  readonly metrics: Pick<Metrics, 'recordRateLimited'>;
  readonly audit: Audit | undefined;
}

export function composeIdentity({
  config,
  stores,
  issuers,
  clock,
  ages,
  metrics,
  audit,
}: Dependencies): Guard {
  const { redis, hashId } = stores;

  function limit(name: LimitName, perMinute: number): NamedLimit | undefined {
    if (perMinute === 0) return undefined;
    const local = createMemoryLimit({ points: perMinute, windowSeconds: LIMITS.windowSeconds }, LIMITS);
    // To ask Redis would cost more than most reads do, so each replica counts those that it answers.
    if (redis === undefined || name === 'reads') return nameLimit(name, local);
    return nameLimit(name, createSharedLimit({ redis, hashId, local }, { name }));
  }

  const onRefused = metrics.recordRateLimited;
  return createGuard({
    authenticate: createAuthenticate(
      {
        issuers,
        verified: createVerifiedTokens({ clock }, VERIFIED_TOKENS),
        getAddress: getRequestAddress,
      },
      {
        ...config,
        ...config.policy.stepUp,
        ...PROOFS,
        mappedClaimNames: Object.keys(config.policy.claims),
      },
    ),
    addresses: createAddressLimit(
      { failures: limit('auth-failures', config.authFailuresPerMinute), clock: ages, onRefused },
      LIMITS,
    ),
    countCaller: createCallerLimits({
      reads: limit('reads', config.userReadsPerMinute),
      writes: limit('writes', config.userWritesPerMinute),
      onRefused,
    }),
    replay: createDpopReplay({ redis, clock: ages }, PROOF_MEMORY),
    assertMayAct: createDelegation(config.policy.delegation),
    audit,
  });
}
