/**
 * The tenant's request budget, shared by replicas: the bucket stands in Redis and is counted there, by
 * Redis's own clock. Without Redis each replica spends its own, and the tenant's word corrects them.
 */
import type { RedisConnection } from './connection.ts';
import { createSmallRedisScript } from './script.ts';
import type { Bucket, LocalBucket } from '../auth0/request-scheduler.ts';

/**
 * Reads the bucket. `at` may lie in the future: then the bucket is blocked until then, for `block` milliseconds at the
 * most, which is what the tenant asked for. Without that bound, a clock of Redis that steps back would block all
 * replicas for as long as it stepped.
 */
const READ_BUCKET = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local burst, rate = tonumber(ARGV[1]), tonumber(ARGV[2]) / 1000
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'block')
local tokens, at, block = tonumber(state[1]) or burst, tonumber(state[2]) or now, tonumber(state[3]) or 0
at = math.min(at, now + block)
if now > at then
  tokens = math.min(burst, tokens + (now - at) * rate)
  at = now
end`;

const WRITE_BUCKET = `
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(at), 'block', tostring(at - now))
redis.call('PEXPIRE', KEYS[1], math.ceil(at - now + burst / rate) + 60000)`;

/**
 * KEYS bucket. ARGV burst, tokens per second, floor. Answers the milliseconds to wait (0: one was taken), the tokens
 * left in thousandths, and the milliseconds for which the tenant has blocked all requests.
 */
const TAKE = createSmallRedisScript(`${READ_BUCKET}
local floor = tonumber(ARGV[3])
local wait = at - now
if wait == 0 and tokens >= floor + 1 then
  tokens = tokens - 1
else
  wait = math.max(1, math.ceil(wait + (floor + 1 - tokens) / rate))
end${WRITE_BUCKET}
return { wait, math.floor(tokens * 1000), at - now }`);

/** KEYS bucket. ARGV burst, tokens per second, remaining, blocked ms. */
const CORRECT = createSmallRedisScript(`${READ_BUCKET}
tokens = math.min(tokens, tonumber(ARGV[3]))
at = math.max(at, now + tonumber(ARGV[4]))${WRITE_BUCKET}
return math.floor(tokens * 1000)`);

/** @param local what this replica spends from while Redis is down. */
export function createSharedBucket(
  {
    redis,
    local,
  }: { readonly redis: Pick<RedisConnection, 'run' | 'addProbe'>; readonly local: LocalBucket },
  { name }: { readonly name: string },
): Bucket {
  const key = `metadata-bff:{budget:${name}}`;
  const size = (): string[] => {
    const { burst, perSecond } = local.getSize();
    return [String(burst), String(perSecond)];
  };

  redis.addProbe(async ({ run }, group) => {
    const probe = [`metadata-bff:{${group}}:budget-probe`];
    await run(CORRECT, probe, [...size(), '1', '0']);
    await run(TAKE, probe, [...size(), '0']);
  });

  return {
    getSize: () => local.getSize(),
    setCapacity: (burst) => local.setCapacity(burst),
    async take(floor) {
      const reply = await redis.run(TAKE, [key], [...size(), String(floor)]).catch(() => undefined);
      const [waitMs, thousandths, blockedMs] = Array.isArray(reply) ? reply : [];
      if (typeof waitMs !== 'number' || typeof thousandths !== 'number' || typeof blockedMs !== 'number') {
        return local.take(floor);
      }
      // What Redis knows is also the best estimate of a wait, and counts on while Redis is gone. A block that another
      // replica was told of holds here, too.
      local.setState(thousandths / 1000, blockedMs);
      return waitMs;
    },
    estimate: () => local.estimate(),
    async sync(remaining, blockedMs) {
      await local.sync(remaining, blockedMs);
      const args = [...size(), String(remaining), String(blockedMs)];
      await redis.run(CORRECT, [key], args).catch(() => undefined);
    },
  };
}
