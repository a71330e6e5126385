/**
 * A shared limit that is not asked each time. While somebody is far from the quota, what they do is counted here
 * and told in lots; near it, each is counted before it is answered. What has not been told yet is bounded.
 */
import { boundedMap } from './bounded-map.ts';
import type { Clock } from './clock.ts';
import type { Count, RateLimit } from './rate-limit.ts';

interface Tally {
  /** How many all replicas had counted when this one asked last. */
  known: number;
  /** How many this one has let through since. */
  untold: number;
  /** The first question about somebody, or the first in a while, until it is answered. */
  asking: Promise<unknown> | undefined;
  askedAt: number;
  endsAt: number;
}

interface Dependencies {
  readonly shared: RateLimit;
  readonly clock: Clock;
}

export interface SparingOptions {
  /** The part of the quota below which a replica may count for itself. */
  readonly untoldShare: number;
  /** The longest time for which what others count may go unheard. */
  readonly unheardMs: number;
  readonly keysMax: number;
}

/**
 * Exact for whoever reaches one replica only. Replicas together may let through more than the quota, by at most
 * `untoldShare` of it for each of them, and only within `unheardMs`.
 */
export function createSparingLimit(
  { shared, clock }: Dependencies,
  { untoldShare, unheardMs, keysMax }: SparingOptions,
): RateLimit {
  const { quota } = shared;
  const untoldMax = Math.floor(quota.points * untoldShare);
  const tallies = boundedMap<Tally>(keysMax);

  /** One tally for all who ask about a key at the same time, so that nothing is told twice or lost. */
  function begin(key: string): Tally {
    const tally: Tally = {
      known: 0,
      untold: 0,
      asking: undefined,
      askedAt: Number.NEGATIVE_INFINITY,
      endsAt: Number.POSITIVE_INFINITY,
    };
    tallies.set(key, tally);
    return tally;
  }

  async function ask(key: string, tally: Tally, points: number): Promise<Count> {
    const told = points + tally.untold;
    tally.known += told;
    tally.untold = 0;
    const question = shared.count(key, told);
    tally.asking = question;
    const count = await question;
    tally.asking = undefined;
    tally.known = quota.points - count.remaining;
    tally.askedAt = clock.now();
    tally.endsAt = tally.askedAt + count.resetMs;
    return count;
  }

  return {
    quota,
    async count(key, points = 1) {
      for (;;) {
        const now = clock.now();
        const held = tallies.get(key);
        const tally = held && now < held.endsAt ? held : begin(key);
        const heard = now - tally.askedAt < unheardMs;
        if (heard && tally.known + tally.untold + points <= untoldMax) {
          tally.untold += points;
          const remaining = quota.points - tally.known - tally.untold;
          return { within: true, remaining, resetMs: tally.endsAt - now };
        }
        if (heard || tally.asking === undefined) return ask(key, tally, points);
        // A crowd of readers of somebody unheard of costs one question, not one each.
        await tally.asking;
      }
    },
  };
}
