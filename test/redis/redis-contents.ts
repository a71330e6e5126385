/** Everything that stands in a Redis, as anyone who can read it sees it. */
import type { TestRedis } from '../support/redis.ts';

/** One text for each key: its name and its value. */
export async function contentsOf(redis: TestRedis): Promise<string[]> {
  const keys = textsOf(await redis.command('KEYS', 'metadata-bff:*'));
  return Promise.all(
    keys.map(async (key) => {
      const type = await redis.command('TYPE', key);
      const value = await redis.command(...(type === 'hash' ? ['HGETALL', key] : ['GET', key]));
      return `${key} ${JSON.stringify(value)}`;
    }),
  );
}

function textsOf(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}
