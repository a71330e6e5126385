/** What every lock in Redis has in common: it is set for a time, with a token that only its holder knows. */
import { smallRedisScript } from './script.ts';

/** KEYS lock. ARGV token. Ends the lock, unless it has ended and is now another one's. Answers 1 where it did. */
export const RELEASE_LOCK = smallRedisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`);
