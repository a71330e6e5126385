import { expect, test } from '@jest/globals';
import { createUpstream } from '../../src/auth0/upstream.ts';
import { HttpFailure } from '../../src/lib/http-client.ts';
import { createManualClock } from '../lib/manual-clock.ts';
import { appErrorOf } from '../lib/rejection.ts';

const READ = { name: 'users.read', isWrite: false } as const;
const REQUEST = { method: 'GET', url: 'https://tenant.test/api/v2/users/x', headers: {} } as const;
const FAILURES = 30;

function openUpstream() {
  const clock = createManualClock();
  let admitted = 0;
  let isDown = true;
  const upstream = createUpstream(
    {
      http: {
        async send() {
          if (isDown) throw new HttpFailure('timeout', 'no answer');
          return { status: 200, headers: new Map(), text: '{}' };
        },
        close: () => undefined,
      },
      tokens: {
        getToken: async () => ({ value: 'token', scopes: undefined }),
        invalidate: () => undefined,
        isHealthy: () => true,
      },
      scheduler: {
        async acquire() {
          admitted += 1;
        },
        updateFromHeaders: () => undefined,
      },
      clock,
      sleep: async () => undefined,
      random: () => 0,
    },
    { timeoutMs: 1_000, deadlineMs: 3_000 },
  );
  return {
    upstream,
    clock,
    admitted: () => admitted,
    mend: () => {
      isDown = false;
    },
    ask: () => upstream.call(REQUEST, READ, { priority: 'read' }),
  };
}

test('while the circuit is open, a request is refused with a true time, and spends nothing of the budget', async () => {
  const { ask, admitted, clock } = openUpstream();
  for (let count = 0; count < FAILURES; count += 1) await appErrorOf(ask());
  const before = admitted();
  expect(before).toBeLessThan(FAILURES);
  clock.advance(500);
  const { code, extras } = await appErrorOf(ask());
  expect([code, extras.retryAfterSeconds, admitted()]).toEqual(['upstream_unavailable', 2, before]);
  clock.advance(1_500);
  await appErrorOf(ask());
  expect(admitted()).toBe(before + 1);
});

test('the Management API counts as out of reach from a failure to the next answer, or for a minute', async () => {
  const { upstream, ask, mend } = openUpstream();
  expect(upstream.isReachable()).toBe(true);
  await appErrorOf(ask());
  expect(upstream.isReachable()).toBe(false);
  mend();
  await ask();
  expect(upstream.isReachable()).toBe(true);
  const other = openUpstream();
  await appErrorOf(other.ask());
  other.clock.advance(59_000);
  expect(other.upstream.isReachable()).toBe(false);
  other.clock.advance(2_000);
  expect(other.upstream.isReachable()).toBe(true);
});
