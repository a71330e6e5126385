/** A stream whose token would no longer be accepted, because its key was retired. */
import { createServer } from 'node:http';
import { expect, test } from '@jest/globals';
import { createOpenStreams } from '../../../src/http/event-stream.ts';
import { createErrorHandler } from '../../../src/http/middleware/error-handler.ts';
import { addRoutes, createApplication } from '../../../src/http/routes/route.ts';
import { createEventRoutes } from '../../../src/http/routes/events.ts';
import type { Caller } from '../../../src/identity/caller.ts';
import { AppError } from '../../../src/lib/app-error.ts';
import { listen } from '../../lib/local-server.ts';
import { openSse } from '../../support/sse.ts';
import { until } from '../../support/until.ts';

const CALLER: Caller = {
  userId: 'auth0|jane',
  clientId: 'app',
  scopes: new Set(['read:metadata']),
  actor: undefined,
  login: { authTime: undefined, acr: undefined },
  mappedClaims: {},
  issuer: 'https://issuer.test/',
  keyId: 'key-1',
  expiresAt: Number.MAX_SAFE_INTEGER,
};

/** Streams of one caller whose key can be retired; `begins` is what happens when the first state is read. */
async function serveStreams(begins: () => Promise<unknown> = async () => undefined) {
  const watched = new Map<() => void, Caller>();
  const streams = createOpenStreams({ maxPerUser: 5, maxTotal: 5 });
  const app = createApplication();
  const routes = createEventRoutes(
    {
      streams,
      guard: (_scopes, handle) => (req, res) => handle(req, res, CALLER),
      watch: {
        async begin() {
          await begins();
          return { etag: '"a"', staleClaims: undefined, missed: undefined, end: () => undefined };
        },
      },
      clock: { now: () => 0 },
      setTimer: () => () => undefined,
      random: () => 0,
      watchRevoked(caller, end) {
        watched.set(end, caller);
        return () => void watched.delete(end);
      },
    },
    {
      readScope: 'read:metadata',
      partial: { read: [], update: [] },
      reconnectMs: 1_000,
      heartbeatMs: 60_000,
      maxUnreadBytes: 10_000,
    },
  );
  addRoutes(app, routes, createErrorHandler({ algorithms: [], dpopRequired: false }));
  const url = `${await listen(createServer(app))}/me/events`;
  const retire = () => {
    for (const end of watched.keys()) end();
  };
  return { url, streams, watched, retire };
}

test('ends when the key of its token is retired', async () => {
  const { url, streams, watched, retire } = await serveStreams();
  const reader = await openSse(url);
  await reader.received(/stream\.opened/);
  expect([...watched.values()]).toEqual([CALLER]);
  retire();
  expect(await reader.ended).toBe('ended');
  await until(() => (watched.size === 0 && streams.count() === 0) || undefined);
});

test('ends as soon as it begins when the key is retired while the first state is read', async () => {
  const { url, retire } = await serveStreams(async () => retireNow());
  const retireNow = () => retire();
  const reader = await openSse(url);
  expect(await reader.ended).toBe('ended');
});

test('is no longer watched when its client has left', async () => {
  const { url, watched } = await serveStreams();
  const reader = await openSse(url);
  await until(() => watched.size || undefined);
  await reader.close();
  expect(await until(() => watched.size === 0 || undefined)).toBe(true);
});

test('is no longer watched when it could not be opened', async () => {
  const { url, watched } = await serveStreams(async () => {
    throw new AppError('user_not_found', 'The user does not exist.');
  });
  expect((await fetch(url)).status).toBe(404);
  expect(watched.size).toBe(0);
});
