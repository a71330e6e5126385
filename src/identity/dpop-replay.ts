/**
 * Proofs that were used (RFC 9449 section 11.1): each is remembered for as long as it would be accepted, and is
 * good once, on all replicas together. What is remembered is a hash of its `jti` and its key.
 */
import { createHash } from 'node:crypto';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { createRedisScript, toGroupedKey } from '../redis/script.ts';
import { createProofError } from './access-token.ts';

/**
 * What makes a proof that one. `jkt` is the thumbprint of the key that signed: a `jti` uses up no proof of another key.
 * Method and address do not count, because a proof is only good for its own; a `jti` that comes again for others is no
 * unique identifier, which RFC 9449 section 4.2 asks for.
 */
export interface ProofId {
  readonly jti: string;
  readonly jkt: string;
}

export interface DpopReplay {
  /**
   * Uses up a proof of this user. Of any number of concurrent uses, one succeeds.
   * @throws AppError `dpop_proof_invalid` for a proof that was used before; `rate_limited` where one more could not
   * be remembered: to forget another early in its place would let that one be used again.
   */
  consumeProof(proof: ProofId, userId: string): Promise<void>;
}

export interface DpopReplayOptions {
  readonly rememberMs: number;
  /** In this process, of all users together. */
  readonly maxProofs: number;
  /** Of one user, so that no user can fill the store alone. */
  readonly maxProofsPerUser: number;
}

interface Dependencies {
  /** Undefined: this process remembers alone. */
  readonly redis: RedisConnection | undefined;
  /** Monotonic: it measures ages. */
  readonly clock: Clock;
}

/** KEYS proof. ARGV milliseconds. Answers 1 for the first to come. */
const CLAIM = createRedisScript(`
if redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then return 1 end
return 0`);

/** How many proofs one user has used lately. */
interface UserUsage {
  readonly userId: string;
  count: number;
}

interface UsedProof {
  readonly until: number;
  readonly tally: UserUsage;
}

/** So many are dropped at once at most, so that no request waits for a whole store to be emptied. */
const MAX_DROPPED = 1_000;

/**
 * This process remembers also what Redis does. So with Redis down, or started anew and empty, a proof is still good
 * once on each replica; what another replica has seen is unknown then.
 */
export function createDpopReplay(
  { redis, clock }: Dependencies,
  { rememberMs, maxProofs, maxProofsPerUser }: DpopReplayOptions,
): DpopReplay {
  /** In the order of their use, which is the order of their end. */
  const proofs = new Map<string, UsedProof>();
  const usages = new Map<string, UserUsage>();

  function dropExpired(now: number): void {
    let dropped = 0;
    for (const [name, { until, tally }] of proofs) {
      if (until > now || dropped === MAX_DROPPED) return;
      dropped += 1;
      proofs.delete(name);
      tally.count -= 1;
      if (tally.count === 0) usages.delete(tally.userId);
    }
  }

  function markUsed(name: string, userId: string): void {
    const now = clock.now();
    dropExpired(now);
    const known = proofs.get(name);
    if (known !== undefined) throw createReplayError();
    const tally = usages.get(userId) ?? { userId, count: 0 };
    if (tally.count >= maxProofsPerUser) {
      throw createLimitError(`More than ${maxProofsPerUser} DPoP proofs of one user at a time.`, rememberMs);
    }
    const [oldest] = proofs.values();
    if (oldest !== undefined && proofs.size >= maxProofs) {
      throw createLimitError('No more DPoP proofs can be remembered now.', oldest.until - now);
    }
    tally.count += 1;
    usages.set(userId, tally);
    proofs.set(name, { until: now + rememberMs, tally });
  }

  return {
    async consumeProof({ jti, jkt }, userId) {
      const name = createHash('sha256').update(`${jkt} ${jti}`).digest('base64url');
      markUsed(name, userId);
      if (redis === undefined) return;
      const answer = await redis
        .run(CLAIM, [`metadata-bff:dpop:${toGroupedKey(name)}`], [String(rememberMs)])
        .catch(() => undefined);
      if (answer === 0) throw createReplayError();
    },
  };
}

function createReplayError(): AppError {
  return createProofError('The DPoP proof was used before: each request needs a new one.');
}

function createLimitError(message: string, ms: number): AppError {
  return new AppError('rate_limited', message, { retryAfterSeconds: Math.max(1, Math.ceil(ms / 1000)) });
}
