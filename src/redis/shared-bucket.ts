/**
 * The tenant's request budget, shared by replicas: the bucket stands in Redis and is counted there, by
 * Redis's own clock. Without Redis each replica spends its own, and the tenant's word corrects them.
 */
import type { RedisConnection } from '../lib/redis-connection.ts';
import { redisScript } from '../lib/redis-script.ts';
import type { Bucket } from '../lib/token-bucket.ts';

/**
 * KEYS bucket. ARGV burst, tokens per second, floor. Answers the milliseconds to wait (0: one was taken)
 * and the tokens left, in thousandths. `at` may lie in the future: then the bucket is blocked until then.
 */
const TAKE = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local burst, rate, floor = tonumber(ARGV[1]), tonumber(ARGV[2]) / 1000, tonumber(ARGV[3])
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(state[1]) or burst, tonumber(state[2]) or now
if now > at then
  tokens = math.min(burst, tokens + (now - at) * rate)
  at = now
end
local wait = math.max(0, at - now)
if wait == 0 and tokens >= floor + 1 then
  tokens = tokens - 1
else
  wait = math.max(1, math.ceil(wait + (floor + 1 - tokens) / rate))
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(at))
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(0, at - now) + burst / rate) + 60000)
return { wait, math.floor(tokens * 1000) }`);

/** KEYS bucket. ARGV burst, tokens per second, remaining, blocked ms. */
const CORRECT = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local burst, rate = tonumber(ARGV[1]), tonumber(ARGV[2]) / 1000
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(state[1]) or burst, tonumber(state[2]) or now
if now > at then
  tokens = math.min(burst, tokens + (now - at) * rate)
  at = now
end
tokens = math.min(tokens, tonumber(ARGV[3]))
at = math.max(at, now + tonumber(ARGV[4]))
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(at))
redis.call('PEXPIRE', KEYS[1], math.ceil(at - now + burst / rate) + 60000)
return math.floor(tokens * 1000)`);

/** @param local what this replica spends from while Redis is down. */
export function createSharedBucket(
  { redis, local }: { readonly redis: RedisConnection; readonly local: Bucket },
  { name }: { readonly name: string },
): Bucket {
  const key = `metadata-bff:budget:${name}`;
  const size = (): string[] => {
    const { burst, perSecond } = local.size();
    return [String(burst), String(perSecond)];
  };

  return {
    size: () => local.size(),
    adopt: (burst) => local.adopt(burst),
    async take(floor) {
      const reply = await redis.run(TAKE, [key], [...size(), String(floor)]).catch(() => undefined);
      const [waitMs, thousandths] = Array.isArray(reply) ? reply : [];
      if (typeof waitMs !== 'number' || typeof thousandths !== 'number') return local.take(floor);
      // What Redis knows is also the best guess for a wait, and for the time when Redis is gone.
      await local.correct(thousandths / 1000, 0);
      return waitMs;
    },
    estimate: () => local.estimate(),
    async correct(remaining, blockedMs) {
      await local.correct(remaining, blockedMs);
      const args = [...size(), String(remaining), String(blockedMs)];
      await redis.run(CORRECT, [key], args).catch(() => undefined);
    },
  };
}
