/**
 * Whether Redis may evict a lock, which is then granted to the next replica. A Redis with `allkeys-*` is a cache that is
 * meant to run full, so that it evicts all the time. One with `volatile-*` evicts locks, too, but only where it was given
 * too little memory. Redis is asked now and then, as the policy can be changed while it runs.
 */
import type { RedisConnection, RunScript } from './connection.ts';
import { RedisRefused, createRedisScript } from './script.ts';

export interface EvictionPolicy {
  /** As Redis names it, such as `noeviction`. */
  readonly name: string;
  readonly risk: 'none' | 'when-full' | 'unsafe';
}

export interface EvictionWatch {
  /** Whether no node that was asked may evict locks. Also where Redis does not say. */
  isSafe(): boolean;
}

export interface EvictionWatchOptions {
  /** In a cluster, each group of keys may be on a node with a policy of its own. */
  readonly isCluster: boolean;
  /** How long an answer is relied on. */
  readonly lookMs: number;
}

interface Dependencies {
  readonly redis: Pick<RedisConnection, 'addProbe'>;
  /** Called when a node may evict locks, once until no node may any more. */
  readonly onUnsafe: (policy: EvictionPolicy) => void;
}

/** KEYS any, which names the node. */
const READ_MEMORY = createRedisScript(`return redis.call('INFO', 'memory')`);

/** @throws RedisUnavailable; RedisRefused, as for a user who may not run INFO. */
export async function readEvictionPolicy(run: RunScript, group: string): Promise<EvictionPolicy | undefined> {
  const reply = await run(READ_MEMORY, [`metadata-bff:probe:{${group}}`], []);
  return typeof reply === 'string' ? parseEvictionPolicy(reply) : undefined;
}

/** @param memory what `INFO memory` answers. */
export function parseEvictionPolicy(memory: string): EvictionPolicy | undefined {
  const name = /^maxmemory_policy:([\w-]+)/m.exec(memory)?.[1];
  if (name === undefined) return undefined;
  // Without a limit nothing is evicted.
  const isBounded = !/^maxmemory:0\r?$/m.test(memory);
  if (!isBounded || name === 'noeviction') return { name, risk: 'none' };
  return { name, risk: name.startsWith('allkeys-') ? 'unsafe' : 'when-full' };
}

export function watchEvictionPolicy(
  { redis, onUnsafe }: Dependencies,
  { isCluster, lookMs }: EvictionWatchOptions,
): EvictionWatch {
  const lookedAt = new Map<string, number>();
  const unsafe = new Set<string>();

  redis.addProbe(async ({ run }, group) => {
    const node = isCluster ? group : '';
    if (performance.now() - (lookedAt.get(node) ?? -Infinity) < lookMs) return;
    lookedAt.set(node, performance.now());
    try {
      const policy = await readEvictionPolicy(run, group);
      if (policy?.risk !== 'unsafe') {
        unsafe.delete(node);
        return;
      }
      if (unsafe.size === 0) onUnsafe(policy);
      unsafe.add(node);
    } catch (error) {
      if (!(error instanceof RedisRefused)) throw error;
      // Nothing else needs INFO. A user who may not run it is not tried again, because Redis logs each refusal.
      if (error.code === 'NOPERM') lookedAt.set(node, Infinity);
    }
  });

  return { isSafe: () => unsafe.size === 0 };
}
