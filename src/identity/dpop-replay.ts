/**
 * Proofs that were used (RFC 9449 section 11.1): each is remembered for as long as it would be accepted, and is
 * good once, on all replicas together. What is remembered is a hash of its `jti` and its key.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { RedisConnection } from '../lib/redis-connection.ts';
import { toGroupedKey } from '../lib/redis-key.ts';
import { redisScript } from '../lib/redis-script.ts';

export interface DpopReplay {
  /**
   * Whether this is the first use. Of any number of concurrent uses, one is. `jkt` is the thumbprint of the key that
   * signed: nobody can use up the `jti` of another's proof. Method and address do not count, because a proof is only
   * good for its own; a `jti` that comes again for others is no unique identifier, which RFC 9449 section 4.2 asks for.
   */
  firstUse(jti: string, jkt: string): Promise<boolean>;
}

export interface DpopReplayOptions {
  readonly rememberMs: number;
  /** In this process. When more come within `rememberMs`, the oldest are forgotten early. */
  readonly proofsMax: number;
}

interface Dependencies {
  /** Undefined: this process remembers alone. */
  readonly redis: RedisConnection | undefined;
  readonly clock: Clock;
}

/** KEYS proof. ARGV milliseconds. Answers 1 for the first to come. */
const CLAIM = redisScript(`
if redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then return 1 end
return 0`);

/**
 * This process remembers also what Redis does. So with Redis down, or started anew and empty, a proof is still good
 * once on each replica; what another replica has seen is unknown then.
 */
export function createDpopReplay(
  { redis, clock }: Dependencies,
  { rememberMs, proofsMax }: DpopReplayOptions,
): DpopReplay {
  // Two generations: a proof is forgotten between one and two times `rememberMs` after its use, and no timer is needed.
  let current = new Set<string>();
  let previous = new Set<string>();
  let began = clock.now();

  function rememberHere(proof: string): boolean {
    const age = clock.now() - began;
    if (age >= rememberMs || current.size >= proofsMax / 2) {
      previous = age >= 2 * rememberMs ? new Set() : current;
      current = new Set();
      began = clock.now();
    }
    if (current.has(proof) || previous.has(proof)) return false;
    current.add(proof);
    return true;
  }

  return {
    async firstUse(jti, jkt) {
      const proof = createHash('sha256').update(`${jkt} ${jti}`).digest('base64url');
      if (!rememberHere(proof)) return false;
      if (redis === undefined) return true;
      const answer = await redis
        .run(CLAIM, [`metadata-bff:dpop:${toGroupedKey(proof)}`], [String(rememberMs)])
        .catch(() => undefined);
      return answer !== 0;
    },
  };
}
