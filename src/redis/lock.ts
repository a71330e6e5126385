/**
 * Locks in Redis: a lock is a key that is set for a time, to a token that only its holder knows. Only the holder renews
 * it, ends it, or sets the value that may stand beside it. Every script that takes, renews or ends a lock stands here.
 */
import { createRedisScript, type RedisReply, createSmallRedisScript } from './script.ts';

/** Goes on for the holder only. */
const ONLY_HOLDER = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end`;

/**
 * KEYS lock, value or none. ARGV token, bound in ms, '1' to take it from its holder. Answers 1 and the value, or 0 and
 * the milliseconds left to the holder.
 */
export const ACQUIRE_LOCK = createSmallRedisScript(`
local taken
if ARGV[3] == '1' then
  taken = redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
else
  taken = redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX')
end
if taken then return { 1, KEYS[2] and redis.call('GET', KEYS[2]) or '' } end
return { 0, redis.call('PTTL', KEYS[1]) }`);

/** KEYS lock, value. ARGV token, bound in ms, value or '' for no change, lifetime of the value in ms. Answers 1 to the holder. */
export const RENEW_LOCK = createSmallRedisScript(`${ONLY_HOLDER}
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4]) end
return 1`);

/**
 * KEYS lock, value or none. ARGV token, value or '' or none, lifetime of the value in ms, channel that tells of the end
 * or none. Answers 1 to the holder.
 */
const RELEASE = `${ONLY_HOLDER}
if ARGV[2] and ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
redis.call('DEL', KEYS[1])
if ARGV[4] then redis.call('PUBLISH', ARGV[4], 'free') end
return 1`;
export const RELEASE_LOCK = createSmallRedisScript(RELEASE);
/** The same for a value that is not small: a full Redis refuses it, and the lock stays. */
export const RELEASE_LOCK_WITH_LARGE_VALUE = createRedisScript(RELEASE);

/**
 * `emptied` milliseconds ago Redis had nothing (for all that is known, never: far more than a bound). Reads and renews
 * the key that tells; where it is missing, or its time lies ahead because the clock was set back, begins anew.
 */
const READ_EMPTIED = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = tonumber(redis.call('GET', KEYS[2]) or '')
local found = 0
if not since or since > now then
  found, since = 1, now
  redis.call('SET', KEYS[2], string.format('%.0f', since))
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
local emptied = now - since`;

/**
 * A lock that is granted only by a Redis that has not been emptied within the bound. KEYS lock, since. ARGV token, bound
 * in ms, lifetime of `since` in ms. Answers whether it was granted, else after how many ms it is worth asking again, and
 * whether Redis was found empty. The same token may be granted twice: the answer to the first may have been lost.
 */
export const ACQUIRE_WRITE_LOCK = createSmallRedisScript(`${READ_EMPTIED}
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return { 0, math.max(1, redis.call('PTTL', KEYS[1])), found } end
if not held and emptied < tonumber(ARGV[2]) then return { 0, ARGV[2] - emptied, found } end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { 1, 0, found }`);

/**
 * KEYS lock, since. ARGV token, bound in ms, lifetime of `since` in ms, 1 where the lock cannot have ended by its
 * bound: then one that is missing from an emptied Redis is taken again, since no other replica was granted it.
 */
export const RENEW_WRITE_LOCK = createSmallRedisScript(`${READ_EMPTIED}
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
if not held and (ARGV[4] ~= '1' or emptied >= tonumber(ARGV[2])) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`);

/** KEYS any, since. ARGV two that do not matter, lifetime of `since` in ms. From now on, nothing is known of before. */
export const FORGET_WRITE_LOCKS = createSmallRedisScript(`
local time = redis.call('TIME')
redis.call('SET', KEYS[2], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), 'PX', ARGV[3])
return 1`);

export type LockReply =
  | { readonly granted: true; readonly value: string | undefined }
  /** `afterMs`: when it is worth asking again; undefined where Redis did not say. */
  | { readonly granted: false; readonly afterMs: number | undefined };

/** @param reply of a script that acquires; undefined where there was none. */
export function parseLockReply(reply: RedisReply | undefined): LockReply {
  const [granted, detail] = Array.isArray(reply) ? reply : [];
  if (granted === 1) {
    return { granted: true, value: typeof detail === 'string' && detail !== '' ? detail : undefined };
  }
  return { granted: false, afterMs: typeof detail === 'number' && detail >= 0 ? detail : undefined };
}
