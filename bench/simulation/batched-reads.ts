/**
 * An experiment that does not ship: cold reads of several users answered by one search of the tenant
 * (`GET /api/v2/users?q=user_id:(...)`). The search index is eventually consistent, so a user who was
 * changed a short while ago is read singly.
 */
import { z } from 'zod';
import { AppError } from '../../src/lib/app-error.ts';
import type { Profile, UserDirectory } from '../../src/metadata/ports.ts';
import type { ReplaceReads } from './ours.ts';

/** Auth0 answers at most 100 users a page, and the query must fit into an address. */
const USERS_MAX = 50;
const RECENT_WRITE_MS = 60_000;
const READ = { name: 'users.read', changes: false } as const;

const foundSchema = z.array(
  z.object({
    user_id: z.string(),
    user_metadata: z.record(z.string(), z.union([z.number(), z.string()])),
    updated_at: z.string(),
  }),
);

interface Waiting {
  readonly resolve: (profile: Profile) => void;
  readonly reject: (error: unknown) => void;
}

/** While one search is under way, those who come are gathered for the next. Refreshes stay single. */
export const batchReads: ReplaceReads = ({ users, upstream, time }) => {
  let gathering = new Map<string, Waiting>();
  let searching = false;
  const writtenAt = new Map<string, number>();

  async function search(batch: ReadonlyMap<string, Waiting>): Promise<void> {
    const ids = [...batch.keys()].map((id) => `"${id}"`).join(' OR ');
    const query = new URLSearchParams({ q: `user_id:(${ids})`, search_engine: 'v3' });
    const url = `https://tenant.example/api/v2/users?${query.toString()}`;
    try {
      const response = await upstream.call({ method: 'GET', url }, READ, { priority: 'read' });
      for (const user of foundSchema.parse(JSON.parse(response.text))) {
        batch.get(user.user_id)?.resolve({
          userMetadata: user.user_metadata,
          appMetadata: {},
          updatedAt: user.updated_at,
        });
      }
    } catch (error) {
      for (const { reject } of batch.values()) reject(error);
    }
  }

  async function searchAll(): Promise<void> {
    searching = true;
    while (gathering.size > 0) {
      const batch = new Map([...gathering].slice(0, USERS_MAX));
      gathering = new Map([...gathering].slice(USERS_MAX));
      await search(batch);
    }
    searching = false;
  }

  const batched: UserDirectory = {
    async read(userId, options) {
      const recent = time.clock.now() - (writtenAt.get(userId) ?? 0) < RECENT_WRITE_MS;
      if (options.priority !== 'read' || options.failFast || recent) return users.read(userId, options);
      if (gathering.size >= 10 * USERS_MAX) throw new AppError('upstream_rate_limited', 'Too many wait.');
      return new Promise<Profile>((resolve, reject) => {
        gathering.set(userId, { resolve, reject });
        if (!searching) void searchAll();
      });
    },
    change(userId, changes, options) {
      writtenAt.set(userId, time.clock.now());
      return users.change(userId, changes, options).finally(() => writtenAt.set(userId, time.clock.now()));
    },
    clear: (userId, options) => users.clear(userId, options),
  };
  return batched;
};
