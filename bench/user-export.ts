/**
 * `node .build/bench/user-export.js 100000 > users.ndjson`: users as an export of Auth0 has them, for measurements of
 * `schema-report` with the demo's schema. The same number gives the same bytes. Of 100 users, 7 hold metadata that this
 * schema refuses.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** One line of an export, without the line break. */
export function createExportedUser(index: number): string {
  const id = index.toString(16).padStart(24, '0');
  const user_metadata: Record<string, unknown> = {
    theme: index % 100 < 3 ? 'solarized' : ['system', 'light', 'dark'][index % 3],
    language: 'en',
    text_size: index % 100 === 3 ? 'large' : 100,
    notifications: {
      email: index % 2 === 0,
      push: index % 100 === 4 ? 'yes' : false,
      digest: { frequency: index % 100 === 5 ? 'hourly' : 'weekly', day: 'monday' },
    },
    interests: index % 100 === 6 ? ['chess', 'chess'] : ['chess', `interest ${index % 50}`],
    member_since: '2024-05-01',
  };
  return JSON.stringify({
    user_id: `auth0|${id}`,
    email: `user-${index}@example.com`,
    email_verified: true,
    name: `User ${index}`,
    created_at: '2024-05-01T12:00:00.000Z',
    user_metadata,
    app_metadata: { plan: 'free' },
  });
}

function* createLines(count: number): Generator<string> {
  for (let index = 0; index < count; index += 1) yield `${createExportedUser(index)}\n`;
}

if (process.argv[1]?.endsWith('user-export.js')) {
  await pipeline(Readable.from(createLines(Number(process.argv[2] ?? 100_000))), process.stdout);
}
