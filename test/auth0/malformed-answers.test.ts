import { describe, expect, test } from '@jest/globals';
import { HttpFailure, type HttpResponse } from '../../src/lib/http-client.ts';
import { json } from '../lib/fake-http.ts';
import { appErrorOf } from '../lib/rejection.ts';
import { createWorld, JANE, stored } from './management-fixture.ts';

const text = (body: string): HttpResponse => ({ status: 200, headers: new Map(), text: body });

describe('an answer that cannot be used', () => {
  const deep = `{"user_id":"${JANE}","user_metadata":{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}}`;

  test.each([
    ['another user', json(200, { ...stored, user_id: 'auth0|omar' })],
    ['a user by almost the same name', json(200, { ...stored, user_id: 'auth0|Jane' })],
    ['no user', json(200, {})],
    ['a list', json(200, [stored])],
    ['a page', text('<html>')],
    ['nothing', text('')],
    ['nesting that no recursion could follow', text(deep)],
  ])('because it holds %s is malformed, and of a change leaves the outcome unknown', async (_what, reply) => {
    const { http, read, change } = createWorld();
    http.next(reply);
    const failed = await appErrorOf(read(JANE));
    expect([failed.code, failed.extras.outcome]).toEqual(['upstream_malformed', undefined]);
    const changed = await appErrorOf(change(JANE, { a: 1 }));
    expect([changed.code, changed.extras.outcome]).toEqual(['upstream_malformed', 'unknown']);
  });

  test.each([
    [404, 'user_not_found', undefined],
    [400, 'metadata_invalid', undefined],
    [409, 'metadata_invalid', undefined],
    [413, 'metadata_too_large', undefined],
    [429, 'upstream_rate_limited', undefined],
    [500, 'upstream_unavailable', 'unknown'],
    [503, 'upstream_unavailable', 'unknown'],
    [302, 'upstream_refused', undefined],
  ])(
    'because its status is %d is %s, but about a document only where one was sent',
    async (status, code, outcome) => {
      const { http, read, change } = createWorld();
      http.next(json(status, { message: 'secret text' }));
      const changed = await appErrorOf(change(JANE, { a: 1 }));
      expect([changed.code, changed.extras.outcome]).toEqual([code, outcome]);
      const failed = await appErrorOf(read(JANE));
      const readCode = code.startsWith('metadata_') ? 'upstream_refused' : code;
      expect([failed.code, failed.extras.outcome]).toEqual([readCode, undefined]);
      for (const error of [changed, failed]) {
        expect(JSON.stringify([error.message, error.extras, String(error.cause)])).not.toContain(
          'secret text',
        );
      }
    },
  );

  test.each([
    ['unreachable', 'upstream_unavailable', undefined],
    ['reset', 'upstream_unavailable', 'unknown'],
    ['timeout', 'upstream_timeout', 'unknown'],
    ['malformed', 'upstream_malformed', 'unknown'],
  ] as const)('because it was %s leaves the outcome of a change as it is', async (kind, code, outcome) => {
    const { http, read, change } = createWorld();
    http.next(new HttpFailure(kind, 'CODE'));
    const changed = await appErrorOf(change(JANE, { a: 1 }));
    expect([changed.code, changed.extras.outcome]).toEqual([code, outcome]);
    expect((await appErrorOf(read(JANE))).extras.outcome).toBeUndefined();
  });
});

describe('metadata that is no object', () => {
  test.each([['text'], [[]], [0], [false]])('is empty, and says so where it is %j', async (metadata) => {
    const { http, read } = createWorld();
    http.next(json(200, { ...stored, user_metadata: metadata }));
    expect(await read(JANE)).toMatchObject({ userMetadata: {}, isUnreadable: true });
  });

  test('is empty and nothing more where it is null', async () => {
    const { http, read } = createWorld();
    http.next(json(200, { ...stored, user_metadata: null }));
    const profile = await read(JANE);
    expect([profile.userMetadata, profile.isUnreadable]).toEqual([{}, undefined]);
  });

  test.each([[null], ['text'], [[1]], [7]])(
    'of the app does not hide the user’s own (%j)',
    async (metadata) => {
      const { http, read } = createWorld({ appMetadataKeys: ['plan'] });
      http.next(json(200, { ...stored, app_metadata: metadata }));
      expect(await read(JANE)).toMatchObject({ userMetadata: { a: 1 }, appMetadata: {} });
    },
  );
});

describe('a token that the tenant does not accept', () => {
  test.each([401, 403])(
    'with %d is renewed once, and the request repeated once as it was',
    async (status) => {
      const { http, tokens, change } = createWorld();
      http.next(json(status, {}), json(200, stored));
      await change(JANE, { a: 1 });
      expect(tokens.rejected).toEqual(['token-1']);
      const [first, second] = http.sent;
      expect(second).toEqual({ ...first, headers: { ...first?.headers, authorization: 'Bearer token-2' } });
    },
  );

  test('again is our own fault and not the caller’s', async () => {
    const { http, read } = createWorld();
    http.next(json(401, { message: 'secret text' }));
    const error = await appErrorOf(read(JANE));
    expect([error.code, http.sent.length]).toEqual(['upstream_refused', 2]);
  });
});

describe('the time to wait after 429', () => {
  test.each([
    [{ 'retry-after': '7' }, 7],
    [{ 'retry-after': '0' }, 1],
    [{ 'retry-after': '100000' }, 300],
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }, 300],
    [{ 'retry-after': 'Tue, 14 Nov 2023 22:13:25 GMT' }, 5],
    [{ 'retry-after': 'soon' }, 1],
    [{ 'x-ratelimit-reset': '1700000012' }, 12],
    [{ 'x-ratelimit-reset': '1600000000' }, 1],
    [{ 'retry-after': '3', 'x-ratelimit-reset': '1700000099' }, 3],
    [{}, 1],
  ])('that says %j is %d s', async (headers, seconds) => {
    const { http, read } = createWorld();
    http.next(json(429, {}, headers));
    expect((await appErrorOf(read(JANE))).extras.retryAfterSeconds).toBe(seconds);
  });
});
