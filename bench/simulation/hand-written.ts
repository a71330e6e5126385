/**
 * The proxies that people write by hand: one that calls the Management API for every request, and the same
 * behind a cache of a minute. Neither retries, and a failed call is a 500, as when nothing catches it.
 */
import { z } from 'zod';
import type { Clock } from '../../src/lib/clock.ts';
import type { HttpClient } from '../../src/lib/http-client.ts';
import { type Answer, type Contender, refused } from './contender.ts';

const TTL_MS = 60_000;
const userSchema = z.object({ user_metadata: z.object({ revision: z.number() }) });

/** No cache, no budget, no retries. */
export function createPlainProxy({ http }: { readonly http: HttpClient }): Contender {
  async function call(method: 'GET' | 'PATCH', userId: string, body?: string): Promise<Answer> {
    const url = `https://tenant.example/api/v2/users/${encodeURIComponent(userId)}`;
    const response = await http.send({ method, url, ...(body === undefined ? {} : { body }) });
    if (response.status !== 200) return refused(500);
    const { user_metadata: metadata } = userSchema.parse(JSON.parse(response.text));
    return { status: 200, revision: metadata.revision, source: 'tenant', ageSeconds: 0 };
  }

  return {
    read: (userId) => call('GET', userId),
    write: (userId, value) => call('PATCH', userId, JSON.stringify({ user_metadata: { value } })),
    holds: () => false,
  };
}

/** The same behind a map with expiry times; a write drops the user's entry. */
export function createTtlCacheProxy({
  http,
  clock,
}: {
  readonly http: HttpClient;
  readonly clock: Clock;
}): Contender {
  const plain = createPlainProxy({ http });
  const entries = new Map<string, { readonly answer: Answer; readonly at: number }>();
  const fresh = (userId: string) => {
    const entry = entries.get(userId);
    return entry && clock.now() - entry.at < TTL_MS ? entry : undefined;
  };

  return {
    async read(userId) {
      const entry = fresh(userId);
      if (entry) return { ...entry.answer, source: 'held', ageSeconds: (clock.now() - entry.at) / 1000 };
      const answer = await plain.read(userId);
      if (answer.status === 200) entries.set(userId, { answer, at: clock.now() });
      return answer;
    },
    async write(userId, value) {
      const answer = await plain.write(userId, value);
      entries.delete(userId);
      return answer;
    },
    holds: (userId) => fresh(userId) !== undefined,
  };
}
